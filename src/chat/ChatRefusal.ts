/** Errors of the chat as callers see them: an HTTP status, a message, and data. */
import { Cause, Option, Schema } from "effect"
import type { ChatFailure } from "../../layers/chat/ChatEvent.ts"
import type { ChatStoreError } from "../../layers/chat/ChatStore.ts"
import { ModelError, type Reason } from "../../layers/models/ModelError.ts"
import type { ModelFailure } from "../../layers/models/ModelRequest.ts"
import { toFailure, type CatalogFailure } from "../catalog/catalogFailure.ts"

/** The request is refused: nothing of it was done. */
export class ChatRefusal extends Schema.TaggedError<ChatRefusal>()("ChatRefusal", {
  /** HTTP status. */
  code: Schema.Int,
  message: Schema.String,
  data: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
}) {}

export const refusal = (code: number, message: string) => new ChatRefusal({ code, message })

export interface FieldIssue {
  readonly field: string
  readonly message: string
  readonly type: string
}

/** 400 with `data.validation_errors`. */
export const invalid = (issues: ReadonlyArray<FieldIssue>) =>
  new ChatRefusal({
    code: 400,
    message: "Parameter validation failed",
    data: { validation_errors: issues.map((issue) => ({ ...issue })) }
  })

const isIssue = Schema.is(Schema.Struct({ field: Schema.String, message: Schema.String }))

/** The message, with the wrong fields of the request: for people, who do not see `data`. */
export const explained = ({ data, message }: ChatRefusal): string => {
  const issues = data?.["validation_errors"]
  // Of a model that does not exist, the message says it already.
  const fields = Array.isArray(issues)
    ? issues.filter(isIssue).filter((issue) => issue.message !== message)
    : []
  return fields.length === 0
    ? message
    : `${message}: ${fields.map((issue) => `${issue.field}: ${issue.message}`).join("; ")}`
}

const modelCodes: Readonly<Record<Reason, number>> = {
  auth: 502,
  quota: 502,
  rate_limited: 503,
  overloaded: 503,
  invalid: 400,
  context_too_long: 413,
  content_filter: 422,
  network: 502,
  bug: 502
}

const storeCodes: Readonly<Record<ChatStoreError["reason"], number>> = {
  not_found: 404,
  running: 409,
  too_many: 429,
  ended: 409,
  unavailable: 503,
  damaged: 500
}

/** Everything that can end a turn. */
export type TurnError = ChatRefusal | ChatStoreError | ModelFailure | CatalogFailure

export const toChatFailure = (error: TurnError): ChatFailure => {
  if (error._tag === "ChatRefusal") {
    const { code, data, message } = error
    return { code, message, ...(data !== undefined && { data }) }
  }
  if (error._tag === "ChatStoreError") return { code: storeCodes[error.reason], message: error.message }
  if (error instanceof ModelError) {
    const { message, model, provider, reason, status } = error
    // Without a status, it was not the provider that refused the request.
    const isUnknown = reason === "invalid" && model !== undefined && status === undefined
    const data = {
      reason,
      provider,
      ...(model !== undefined && { model }),
      ...(isUnknown && { validation_errors: [{ field: "model", message, type: "value_error" }] })
    }
    return { code: modelCodes[reason], message, data }
  }
  const { data, message, status } = toFailure(error)
  return { code: status, message, ...(data !== undefined && { data: { ...data } }) }
}

export const interrupted: ChatFailure = {
  code: 503,
  message: "The turn was interrupted: the service stopped. Send a new message to continue.",
  data: { reason: "interrupted" }
}

/** The failure that a turn ends with. */
export const failureOf = (cause: Cause.Cause<TurnError>): ChatFailure => {
  const error = Cause.findErrorOption(cause)
  if (Option.isSome(error)) return toChatFailure(error.value)
  if (Cause.hasInterruptsOnly(cause)) return interrupted
  return { code: 500, message: "Internal error. The log has the details." }
}
