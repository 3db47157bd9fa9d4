/** Error of a model call: a reason common to all providers, when to retry, and what to do. */
import { Schema } from "effect"
import { Transience } from "../../src/domain/Transient.ts"

/**
 * - `auth`: the key is missing, wrong, or not allowed to do this.
 * - `quota`: the account has no credit left, or its spending limit is reached.
 * - `rate_limited`: too many requests or tokens in the provider's window.
 * - `overloaded`: the provider failed or has no capacity at the moment.
 * - `invalid`: the request is not accepted, such as an unknown model or a parameter out of range.
 * - `context_too_long`: the prompt and the response do not fit into the model's context window.
 * - `content_filter`: the provider refused the content.
 * - `network`: no connection, a connection that broke, or a response that stopped.
 * - `bug`: the response does not follow the provider's own interface.
 */
export const Reason = Schema.Literals([
  "auth",
  "quota",
  "rate_limited",
  "overloaded",
  "invalid",
  "context_too_long",
  "content_filter",
  "network",
  "bug"
])
export type Reason = typeof Reason.Type

const advice = {
  auth: "Check the provider's API key.",
  quota: "Add credit or raise the spending limit of the account at the provider.",
  rate_limited: "Wait before the next request, or ask the provider for a higher rate limit.",
  overloaded: "Try again later, or use another provider.",
  invalid: "Change the request.",
  context_too_long: "Shorten the prompt, lower max_tokens, or use a model with a larger context window.",
  content_filter: "Change the content of the request.",
  network: "Check the connection and llm.providers.*.base_url, and try again.",
  bug: "Check that llm.providers.*.base_url is an OpenAI-compatible endpoint."
} as const satisfies Record<Reason, string>

export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", {
  reason: Reason,
  /** The provider's name in the configuration. */
  provider: Schema.String,
  model: Schema.optionalKey(Schema.String),
  /** HTTP status of the provider's response. */
  status: Schema.optionalKey(Schema.Finite),
  /** The provider's own message, if it sent one. Contains no key. */
  detail: Schema.String,
  /** What to do. Default: the advice for the reason. */
  remedy: Schema.optionalKey(Schema.String),
  /** False: the request did not reach the provider, so that nothing was billed. */
  sent: Schema.optionalKey(Schema.Boolean),
  /** Set if the same request may succeed later. */
  transient: Schema.optionalKey(Transience)
}) {
  override get message() {
    const { retryAfter } = this.transient ?? {}
    const wait = retryAfter === undefined ? "" : ` Retry after ${Math.ceil(retryAfter / 1000)} s.`
    const detail = /[.!?]$/.test(this.detail) ? this.detail : `${this.detail}.`
    return `${this.provider}: ${detail} ${this.remedy ?? advice[this.reason]}${wait}`
  }
}

/** Transient reasons: the next attempt may succeed. */
const passing: ReadonlySet<Reason> = new Set(["rate_limited", "overloaded", "network"])

export const isPassing = (reason: Reason): boolean => passing.has(reason)

/** A response that stopped before its end. */
export const incomplete = (provider: string, model: string) =>
  new ModelError({
    reason: "network",
    provider,
    model,
    detail: "the response ended before it was complete",
    transient: {}
  })
