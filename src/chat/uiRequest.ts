/** The body that the AI SDK's `useChat` sends, and what it asks for. */
import { Effect, Schema } from "effect"
import type { Block } from "../domain/Content.ts"
import { text } from "../domain/Content.ts"
import { isObject } from "../domain/JsonObject.ts"
import { decoderOf } from "./requests.ts"
import { invalid } from "./ChatRefusal.ts"

/** The request id of another answer is longer. */
const maxMessageId = 160

const Part = Schema.Record(Schema.String, Schema.Unknown)

const Message = Schema.Struct({
  id: Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(300)),
  role: Schema.Literals(["system", "user", "assistant"]),
  parts: Schema.Array(Part)
})

const UiRequest = Schema.Struct({
  id: Schema.String,
  messages: Schema.Array(Message),
  trigger: Schema.optionalKey(Schema.Literals(["submit-message", "regenerate-message"])),
  messageId: Schema.optionalKey(Schema.NullOr(Schema.String)),
  model: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(200))),
  provider: Schema.optionalKey(Schema.NonEmptyString)
})

export const isUiRequest = (body: unknown): boolean => isObject(body) && Array.isArray(body.messages)

export interface Decision {
  readonly id: string
  readonly approved: boolean
}

/** A message of the user, or decisions on the tool calls of the last message. */
export type UiAction =
  | {
      readonly _tag: "message"
      readonly conversation: string
      readonly messageId: string
      readonly content: ReadonlyArray<Block>
      /** Whether a new answer replaces the one to this message. */
      readonly again: boolean
      readonly options: { readonly model?: string; readonly provider?: string }
    }
  | { readonly _tag: "decisions"; readonly conversation: string; readonly decisions: ReadonlyArray<Decision> }

const dataUrl = /^data:(?<type>image\/[\w.+-]+);base64,(?<data>.*)$/s

/** Text and images; other parts of a user's message are not supported. */
const blocksOf = (parts: ReadonlyArray<typeof Part.Type>): ReadonlyArray<Block> =>
  parts.flatMap((part): ReadonlyArray<Block> => {
    if (part["type"] === "text" && typeof part["text"] === "string") {
      return part["text"] === "" ? [] : [text(part["text"])]
    }
    const found = part["type"] === "file" ? dataUrl.exec(String(part["url"]))?.groups : undefined
    return found === undefined
      ? []
      : [{ type: "image", mimeType: found["type"] ?? "", data: found["data"] ?? "" }]
  })

const decisionsOf = (parts: ReadonlyArray<typeof Part.Type>): ReadonlyArray<Decision> =>
  parts.flatMap(({ approval, state }) =>
    state === "approval-responded" && isObject(approval) && typeof approval.id === "string"
      ? [{ id: approval.id, approved: approval.approved === true }]
      : []
  )

const wrong = (field: string, message: string) => invalid([{ field, message, type: "value_error" }])

const decode = decoderOf(UiRequest)

/** The history is the server's: only the last message counts. */
export const decodeUiRequest = Effect.fnUntraced(function* (body: unknown) {
  const { id: conversation, messages, model, provider, trigger } = yield* decode(body)
  const last = messages.at(-1)
  if (last === undefined) return yield* wrong("messages", "must not be empty")
  if (last.role === "assistant" && trigger !== "regenerate-message") {
    const decisions = decisionsOf(last.parts)
    if (decisions.length === 0) {
      return yield* wrong(
        "messages",
        "the last message must be of the user, or have responses to approval requests"
      )
    }
    return { _tag: "decisions", conversation, decisions } satisfies UiAction
  }
  const message = messages.findLast(({ role }) => role === "user")
  const content = message === undefined ? [] : blocksOf(message.parts)
  if (message === undefined || content.length === 0) {
    return yield* wrong("messages", "the last message of the user must have text, or images as data URLs")
  }
  if (message.id.length > maxMessageId) {
    return yield* wrong("messages", `the id of a message of the user has at most ${maxMessageId} characters`)
  }
  return {
    _tag: "message",
    conversation,
    messageId: message.id,
    content,
    again: trigger === "regenerate-message",
    options: { ...(model !== undefined && { model }), ...(provider !== undefined && { provider }) }
  } satisfies UiAction
})
