/** Errors of outbound requests, with messages for callers. */
import { Schema } from "effect"

/**
 * - `refused`: the request is not allowed; `why` names the check.
 * - `dns`: DNS lookup failed.
 * - `connect`: connection refused, unreachable or reset.
 * - `tls`: invalid certificate or TLS handshake failure.
 * - `response`: the response is not valid HTTP.
 * - `timeout`: the time limit was reached, body included.
 * - `too_many_redirects`: the limit of redirects was reached.
 * - `body`: the body ended early, could not be decompressed, or exceeds the limit.
 */
export const Reason = Schema.Literals([
  "refused",
  "dns",
  "connect",
  "tls",
  "response",
  "timeout",
  "too_many_redirects",
  "body"
])
export type Reason = typeof Reason.Type

export const Why = Schema.Literals([
  "url",
  "scheme",
  "credentials",
  "host",
  "port",
  "address",
  "header",
  "robots"
])
export type Why = typeof Why.Type

export class OutboundError extends Schema.TaggedError<OutboundError>()("OutboundError", {
  reason: Reason,
  /** With `refused`. */
  why: Schema.optionalKey(Why),
  /** What happened and what to do. Reveals no address that the caller did not name. */
  detail: Schema.String
}) {
  override get message() {
    return this.reason === "refused" ? `refused: ${this.detail}` : this.detail
  }
}

export const refused = (why: Why, detail: string) => new OutboundError({ reason: "refused", why, detail })
