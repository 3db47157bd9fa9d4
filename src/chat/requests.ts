/** Requests of the chat: the frames that clients of `/ws/chat` send, and the body of `POST /chat`. */
import { Effect, Schema } from "effect"
import { issuesOf } from "../catalog/schemaIssues.ts"
import { isObject } from "../domain/JsonObject.ts"
import { text, type Block } from "../domain/Content.ts"
import { invalid, type ChatRefusal, type FieldIssue } from "./ChatRefusal.ts"
import type { NewMessage } from "./NewMessage.ts"

/** May be absent or null, which many clients send for a value that they do not have. */
const optional = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Id = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

const matching = (pattern: RegExp, what: string) =>
  Schema.String.check(Schema.isPattern(pattern, { message: `must be ${what}` }))

const Image = Schema.Struct({
  type: Schema.Literal("image"),
  data: matching(/^[A-Za-z0-9+/]+={0,2}$/, "base64").annotate({ description: "Base64." }),
  mimeType: matching(/^image\/[\w.+-]+$/, "the MIME type of an image, such as image/png")
})
const Text = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })

export const ChatPayload = Schema.Struct({
  text: optional(
    Schema.String.annotate({ description: "The message. Required, unless `content` has something." })
  ),
  content: optional(
    Schema.Array(Schema.Union([Text, Image])).annotate({ description: "Text and images, after `text`." })
  ),
  model: optional(
    Schema.NonEmptyString.check(Schema.isMaxLength(200)).annotate({
      description: "A model's id. Default: that of the active provider."
    })
  ),
  provider: optional(Schema.NonEmptyString.annotate({ description: "A configured provider." })),
  streaming: optional(
    Schema.Boolean.annotate({
      description: "False: the text comes as one chunk. Default: `chat.service.streaming.enabled`."
    })
  )
})
export type ChatPayload = typeof ChatPayload.Type

export const AnswerPayload = Schema.Struct({
  id: Id.annotate({ description: "Of the frame `input_required`." }),
  action: Schema.Literals(["accept", "decline", "cancel"]),
  content: optional(
    Schema.Record(Schema.String, Schema.Unknown).annotate({ description: "Fits `response_schema`." })
  )
})

/** Body of `POST /chat`. */
export const ChatBody = Schema.Struct({
  v: Schema.optionalKey(Schema.Literal(1)),
  conversation_id: optional(Id),
  request_id: optional(Id),
  ...ChatPayload.fields
})

const Seq = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))

const common = {
  v: Schema.optionalKey(Schema.Literal(1)),
  conversation_id: optional(Id)
}

/** Unknown fields are ignored. */
export const requests = {
  chat: Schema.Struct({ ...common, action: Schema.Literal("chat"), request_id: Id, payload: ChatPayload }),
  resume: Schema.Struct({
    ...common,
    action: Schema.Literal("resume"),
    request_id: optional(Id),
    conversation_id: Id,
    after: Seq.annotate({ description: "`seq` of the last frame that the client has." })
  }),
  stop: Schema.Struct({ ...common, action: Schema.Literal("stop"), request_id: optional(Id) }),
  answer: Schema.Struct({
    ...common,
    action: Schema.Literal("answer"),
    request_id: optional(Id),
    payload: AnswerPayload
  }),
  history: Schema.Struct({
    ...common,
    action: Schema.Literal("history"),
    request_id: optional(Id),
    payload: optional(
      Schema.Struct({
        before: optional(Seq.annotate({ description: "Only events before this `seq`." })),
        limit: optional(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 1000 })))
      })
    )
  }),
  ping: Schema.Struct({ ...common, action: Schema.Literal("ping"), request_id: optional(Id) })
} as const

export type Requests = { readonly [Name in keyof typeof requests]: (typeof requests)[Name]["Type"] }
export type ChatRequest = Requests[keyof Requests]

const typeOf = (message: string): string =>
  message.startsWith("required")
    ? "missing"
    : /^Expected (?!a value )/.test(message)
      ? "type_error"
      : "value_error"

const refusalOf = (error: Schema.SchemaError): ChatRefusal =>
  invalid(
    issuesOf(error).map(({ message, path }): FieldIssue => ({ field: path, message, type: typeOf(message) }))
  )

/** Fails with 400 and an issue for each field that does not fit. */
export const decoderOf = <S extends Schema.Codec<unknown, unknown>>(
  schema: S
): ((value: unknown) => Effect.Effect<S["Type"], ChatRefusal>) => {
  const decode = Schema.decodeUnknownEffect(schema, { errors: "all" })
  return (value) => Effect.mapErrorEager(decode(value), refusalOf)
}

const one = (field: string, message: string, type: string) => invalid([{ field, message, type }])

type Decode = (value: unknown) => Effect.Effect<ChatRequest, ChatRefusal>

const decoders = new Map<unknown, Decode>(
  Object.entries(requests).map(([action, schema]) => [
    action,
    decoderOf<Schema.Codec<ChatRequest, unknown>>(schema)
  ])
)

export const decodeRequest: Decode = (value) => {
  if (!isObject(value)) return one("", "Expected a JSON object", "type_error")
  const { action } = value
  const decode = decoders.get(action)
  if (decode !== undefined) return decode(value)
  const names = Object.keys(requests).join(", ")
  return one("action", `Expected one of ${names}`, action === undefined ? "missing" : "value_error")
}

/** The content of a message, and its options. `field`: the path of its text. */
export const messageOf = (
  payload: ChatPayload,
  field: string
): Effect.Effect<Pick<NewMessage, "content" | "options">, ChatRefusal> => {
  const { content, model, provider, streaming, text: said } = payload
  const blocks: ReadonlyArray<Block> = [
    ...(said === undefined || said === null || said === "" ? [] : [text(said)]),
    ...(content ?? []).filter((block) => block.type !== "text" || block.text !== "")
  ]
  if (blocks.length === 0) return one(field, "required, but missing", "missing")
  return Effect.succeed({
    content: blocks,
    options: {
      ...(model !== undefined && model !== null && { model }),
      ...(provider !== undefined && provider !== null && { provider }),
      ...(streaming !== undefined && streaming !== null && { streaming })
    }
  })
}
