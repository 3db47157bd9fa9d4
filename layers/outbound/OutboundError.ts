/** Why a request to another machine failed, in words for the one who asked for it. */
import { Schema } from "effect"

/**
 * - `refused`: this program does not make such a request; `why` says what about it.
 * - `dns`: the name has no address.
 * - `connect`: nobody answers at the address, or hangs up first.
 * - `tls`: the other side cannot prove who it is, or does not speak TLS.
 * - `response`: what was answered is no valid HTTP.
 * - `timeout`: the exchange took longer than it may, its body included.
 * - `too_many_redirects`: it was sent on more often than it may be.
 * - `body`: the body ended early, could not be decompressed, or is larger than it may be.
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
  /** Says what happened and what can be done; names no address that the caller did not name. */
  detail: Schema.String
}) {
  override get message() {
    return this.reason === "refused" ? `refused: ${this.detail}` : this.detail
  }
}

export const refused = (why: Why, detail: string) => new OutboundError({ reason: "refused", why, detail })
