/** Schemas of the frames of `/ws/chat` with `v: 1`; writes `docs/chat.schema.json`, which `bun run docs` does. */
import { Schema } from "effect"
import * as events from "../../layers/chat/ChatEvent.ts"
import { requests } from "../../src/chat/requests.ts"
import * as Content from "../../src/domain/Content.ts"

/** Parts that many frames share. */
const Block = Content.Block.annotate({ identifier: "Block" })
const ChatFailure = events.ChatFailure.annotate({ identifier: "Error" })
const ChatUsage = events.ChatUsage.annotate({ identifier: "Usage" })

const Json = Schema.Record(Schema.String, Schema.Unknown)
const Cost = Schema.NullOr(Schema.String).annotate({
  description: "In USD, an exact decimal; null if the price is unknown."
})
const said = {
  provider: Schema.String,
  model: Schema.String,
  stop_reason: Schema.String,
  usage: ChatUsage,
  cost_usd: Cost,
  uncertain: Schema.Boolean.annotate({ description: "Whether usage and cost are estimates." })
}

const ToolCall = { name: Schema.String, arguments: Schema.Unknown }

const bodies = {
  conversation: {},
  processing: { content: Schema.Array(Block), options: events.TurnOptions },
  chunk: { chunk: Schema.Struct({ type: Schema.Literals(["text", "reasoning"]), data: Schema.String }) },
  message: {
    message: Schema.Struct({
      hop: Schema.Int.annotate({ description: "Number of the model call in the turn, from 0." }),
      parts: Schema.Array(
        Schema.Union([
          Schema.Struct({ type: Schema.Literals(["text", "reasoning"]), text: Schema.String }),
          Schema.Struct({ type: Schema.Literal("tool_call"), id: Schema.String, ...ToolCall })
        ])
      ),
      ...said
    })
  },
  tool_call: { tool_call: Schema.Struct({ id: Schema.String, ...ToolCall }) },
  progress: {
    progress: Schema.Struct({
      tool_call_id: Schema.String,
      progress: Schema.Finite,
      total: Schema.optionalKey(Schema.Finite),
      message: Schema.optionalKey(Schema.String)
    })
  },
  tool_result: {
    tool_result: Schema.Struct({
      tool_call_id: Schema.String,
      name: Schema.String,
      content: Schema.Array(Block),
      structured: Schema.optionalKey(Schema.Unknown),
      is_error: Schema.Boolean,
      whole: Schema.optionalKey(
        Schema.String.annotate({ description: "URI of the whole result, of which `content` is a part." })
      )
    })
  },
  input_required: {
    input: Schema.Struct({
      id: Schema.String,
      reason: Schema.Literals(["approval", "elicitation", "visit"]),
      message: Schema.String,
      tool_call_id: Schema.optionalKey(Schema.String),
      response_schema: Schema.optionalKey(Json),
      url: Schema.optionalKey(Schema.String),
      expires_at: Schema.String
    })
  },
  input_answered: {
    input: Schema.Struct({
      id: Schema.String,
      action: Schema.Literals(["accept", "decline", "cancel", "expired"])
    })
  },
  stopping: {},
  window_cut: {
    dropped_messages: Schema.Int.annotate({
      description: "Earlier messages that the model does not see, because the conversation is too long."
    })
  },
  tools_omitted: {
    omitted_tools: Schema.Int.annotate({
      description: "Tools that the model does not get, because its provider accepts no more in one request."
    }),
    sent_tools: Schema.Int.annotate({ description: "Tools that it gets." })
  },
  complete: {
    metadata: Schema.Struct({ tokens: Schema.Int, conversation_id: Schema.String, ...said })
  },
  error: { error: ChatFailure },
  history_damaged: {
    lines: Schema.Int.annotate({ description: "Events that cannot be read any more." }),
    quarantine: Schema.String.annotate({
      description: "The file in the state folder that has them unchanged."
    })
  }
} as const

const stored = {
  v: Schema.Literal(1),
  conversation_id: Schema.String,
  seq: Schema.Int.annotate({ description: "From 1, without gaps in a conversation." }),
  timestamp: Schema.String.annotate({ description: "ISO 8601, UTC." }),
  request_id: Schema.optionalKey(Schema.String)
}

type Status = keyof typeof bodies

const frameWith = <Name extends Status>(status: Name) =>
  Schema.Struct({ ...stored, status: Schema.Literal(status), ...bodies[status] })

/** Frames of the events of a conversation, by status. */
// The members of a list of different structs have no common type that names their fields.
export const storedFrames: ReadonlyArray<Schema.Codec<object, object>> = (
  Object.keys(bodies) as ReadonlyArray<Status>
).map((status) => frameWith(status) as never)

export const StoredFrame = Schema.Union(storedFrames).annotate({ identifier: "StoredFrame" })

const reply = { v: Schema.optionalKey(Schema.Literal(1)), request_id: Schema.NullOr(Schema.String) }

/** Replies to one request, which are not stored. */
export const ReplyFrame = Schema.Union([
  Schema.Struct({ ...reply, status: Schema.Literal("pong") }),
  Schema.Struct({ ...reply, status: Schema.Literal("error"), error: ChatFailure }),
  Schema.Struct({
    ...reply,
    status: Schema.Literal("history"),
    conversation_id: Schema.String,
    events: Schema.Array(StoredFrame)
  })
])

export const file = new URL("../../docs/chat.schema.json", import.meta.url).pathname

/** JSON Schema 2020-12: `Request` is what clients send, `Frame` what they get. */
export const document = (): string => {
  const request = Schema.Union(Object.values(requests)).annotate({ identifier: "Request" })
  const frame = Schema.Union([StoredFrame, ReplyFrame]).annotate({ identifier: "Frame" })
  const { definitions, schema } = Schema.toJsonSchemaDocument(Schema.Union([request, frame]))
  const about = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Requests and frames of /ws/chat with v: 1"
  }
  return `${JSON.stringify({ ...about, ...schema, $defs: definitions }, null, 2)}\n`
}

if (import.meta.main) await Bun.write(file, document())
