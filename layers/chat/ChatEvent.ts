/** Events of a conversation's log. Every protocol of the chat is a function of these events. */
import { Schema } from "effect"
import { Block } from "../../src/domain/Content.ts"

const Text = Schema.String
const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Json = Schema.Record(Schema.String, Schema.Unknown)

/** Tokens of one or several model calls; totals include their parts. */
export const ChatUsage = Schema.Struct({
  input_tokens: Count,
  output_tokens: Count,
  total_tokens: Count,
  cached_input_tokens: Count,
  cache_write_input_tokens: Count,
  reasoning_tokens: Count
})
export type ChatUsage = typeof ChatUsage.Type

/** An error as callers see it. `code` is an HTTP status. */
export const ChatFailure = Schema.Struct({
  code: Schema.Int,
  message: Text,
  data: Schema.optionalKey(Json)
})
export type ChatFailure = typeof ChatFailure.Type

/** Options of a turn that its caller chose. */
export const TurnOptions = Schema.Struct({
  model: Schema.optionalKey(Text),
  provider: Schema.optionalKey(Text),
  streaming: Schema.optionalKey(Schema.Boolean)
})
export type TurnOptions = typeof TurnOptions.Type

/** The first event of each conversation. */
const Started = Schema.Struct({
  type: Schema.Literal("conversation_started"),
  /** Key of the principal that owns the conversation. */
  principal: Text
})

/** Begins a turn. */
const UserMessage = Schema.Struct({
  type: Schema.Literal("user_message"),
  request_id: Text,
  /** Hash of the payload: the same id with another payload is refused. */
  digest: Text,
  content: Schema.Array(Block),
  options: TurnOptions,
  /** `request_id` of an earlier turn of the conversation: from there on, the model sees this message instead. */
  replaces: Schema.optionalKey(Text)
})

/** A part of the text, or of the reasoning, of message `message`; superseded by its `assistant_message`. */
const Delta = Schema.Struct({
  type: Schema.Literals(["text_delta", "reasoning_delta"]),
  request_id: Text,
  /** Number of the model call in the turn, from 0. */
  hop: Count,
  text: Text
})

const Stretch = Schema.Struct({
  /** `seq` of the delta. */
  seq: Count,
  /** Its characters (UTF-16 code units). */
  length: Count
})

/** What a model said in one call. The deltas of its parts can be made again from the text and their lengths. */
const AssistantMessage = Schema.Struct({
  type: Schema.Literal("assistant_message"),
  request_id: Text,
  hop: Count,
  parts: Schema.Array(
    Schema.Union([
      Schema.Struct({ type: Schema.Literal("text"), text: Text, deltas: Schema.Array(Stretch) }),
      Schema.Struct({
        type: Schema.Literal("reasoning"),
        text: Text,
        deltas: Schema.Array(Stretch),
        /** What the provider wants back, such as a signature. */
        metadata: Schema.optionalKey(Json)
      }),
      Schema.Struct({
        type: Schema.Literal("tool_call"),
        tool_call_id: Text,
        /** As the Catalog names the tool. */
        name: Text,
        arguments: Schema.Unknown,
        /** What the provider wants back. */
        metadata: Schema.optionalKey(Json)
      })
    ])
  ),
  provider: Text,
  model: Text,
  /** `stop`, `length`, `content-filter`, `tool-calls`, `error`, `other`. */
  stop_reason: Text,
  usage: ChatUsage,
  /** In USD, an exact decimal; null if the price is unknown. */
  cost_usd: Schema.NullOr(Text),
  uncertain: Schema.Boolean
})

/** A tool is about to run. */
const ToolStarted = Schema.Struct({
  type: Schema.Literal("tool_started"),
  request_id: Text,
  tool_call_id: Text,
  name: Text,
  arguments: Schema.Unknown
})

const ToolProgress = Schema.Struct({
  type: Schema.Literal("tool_progress"),
  request_id: Text,
  tool_call_id: Text,
  progress: Schema.Finite,
  total: Schema.optionalKey(Schema.Finite),
  message: Schema.optionalKey(Text)
})

const ToolResult = Schema.Struct({
  type: Schema.Literal("tool_result"),
  request_id: Text,
  tool_call_id: Text,
  name: Text,
  content: Schema.Array(Block),
  structured: Schema.optionalKey(Schema.Unknown),
  is_error: Schema.Boolean,
  /** Where the whole of a result is that was cut. */
  whole: Schema.optionalKey(Text)
})

/** The turn waits for the user: to approve a tool call, or to fill in a form of a tool. */
const InputRequested = Schema.Struct({
  type: Schema.Literal("input_requested"),
  request_id: Text,
  id: Text,
  reason: Schema.Literals(["approval", "elicitation", "visit"]),
  message: Text,
  tool_call_id: Schema.optionalKey(Text),
  /** JSON Schema of `content` in the answer. */
  response_schema: Schema.optionalKey(Json),
  url: Schema.optionalKey(Text),
  /** ISO 8601; unanswered at that time means declined. */
  expires_at: Text
})

const InputAnswered = Schema.Struct({
  type: Schema.Literal("input_answered"),
  request_id: Text,
  id: Text,
  action: Schema.Literals(["accept", "decline", "cancel", "expired"]),
  content: Schema.optionalKey(Json)
})

/** The user wants the running turn to end. */
const StopRequested = Schema.Struct({ type: Schema.Literal("stop_requested"), request_id: Text })

/** Earlier parts of the conversation do not fit into the request to the model. */
const WindowCut = Schema.Struct({
  type: Schema.Literal("window_cut"),
  request_id: Text,
  /** Messages that were left out. */
  dropped: Count
})

/** The caller has more tools than one request to the model may have. */
const ToolsOmitted = Schema.Struct({
  type: Schema.Literal("tools_omitted"),
  request_id: Text,
  omitted: Count,
  /** Tools that the model gets. */
  sent: Count
})

/** Ends a turn. */
const TurnCompleted = Schema.Struct({
  type: Schema.Literal("turn_completed"),
  request_id: Text,
  /** `stop`, `length`, `content-filter`, `stopped` (by the user), `max_tool_hops`, `other`. */
  stop_reason: Text,
  provider: Text,
  model: Text,
  usage: ChatUsage,
  cost_usd: Schema.NullOr(Text),
  uncertain: Schema.Boolean
})

/** Ends a turn that failed. `interrupted`: the process that ran it has died. */
const TurnFailed = Schema.Struct({
  type: Schema.Literal("turn_failed"),
  request_id: Text,
  error: ChatFailure
})

/** Lines of the conversation could not be read and were moved to another file. The store adds this event, outside of turns too. */
const HistoryDamaged = Schema.Struct({
  type: Schema.Literal("history_damaged"),
  /** Number of these lines. */
  lines: Count,
  /** Name of the file in the state folder that has them unchanged. */
  quarantine: Text
})

export const ChatEventBody = Schema.Union([
  Started,
  UserMessage,
  Delta,
  AssistantMessage,
  ToolStarted,
  ToolProgress,
  ToolResult,
  InputRequested,
  InputAnswered,
  StopRequested,
  WindowCut,
  ToolsOmitted,
  TurnCompleted,
  TurnFailed,
  HistoryDamaged
])
export type ChatEventBody = typeof ChatEventBody.Type

/** Where and when an event was stored. */
export interface Stored {
  readonly conversation: string
  /** From 1, without gaps. */
  readonly seq: number
  /** ISO 8601, UTC. */
  readonly timestamp: string
}

/** An event in the log. */
export type ChatEvent = ChatEventBody & Stored
export type ChatEventOf<Type extends ChatEventBody["type"]> = Extract<
  ChatEventBody,
  { readonly type: Type }
> &
  Stored

export type DeltaBody = Extract<ChatEventBody, { readonly type: "text_delta" | "reasoning_delta" }>
export type Delta = DeltaBody & Stored
export const isDelta = (type: string): type is DeltaBody["type"] =>
  type === "text_delta" || type === "reasoning_delta"
export const isDeltaEvent = (event: ChatEventBody): event is DeltaBody => isDelta(event.type)

/** What a user sends to a turn that runs, from any process. */
export type TurnResponse = ChatEventOf<"input_answered"> | ChatEventOf<"stop_requested">
export const isTurnResponse = (event: ChatEvent): event is TurnResponse => isTurnResponseType(event.type)
export const isTurnResponseType = (type: string): boolean =>
  type === "input_answered" || type === "stop_requested"
