/** Errors of certificate issuance by ACME. */
import { Schema } from "effect"

/**
 * `unreachable`: no response of the CA. `unavailable`: the CA had an error. `rate_limited`: too many requests. `rejected`:
 * the CA refused the request or a challenge failed. `unusable`: the CA sent a response or a certificate that cannot be used.
 */
const Reason = Schema.Literals(["unreachable", "unavailable", "rate_limited", "rejected", "unusable"])

export class AcmeError extends Schema.TaggedError<AcmeError>()("AcmeError", {
  reason: Reason,
  message: Schema.String,
  /** Milliseconds after which the CA permits another attempt. */
  retryAfter: Schema.optionalKey(Schema.Finite),
  /** Problem type of the CA, such as `unauthorized` (RFC 8555, section 6.7). */
  type: Schema.optionalKey(Schema.String)
}) {
  /** Whether the same order may succeed later. */
  get isTransient(): boolean {
    return this.reason === "unreachable" || this.reason === "unavailable" || this.reason === "rate_limited"
  }
}

export const unusable = (message: string) => new AcmeError({ reason: "unusable", message })

/** Problem documents (RFC 7807) as CAs send them. */
const Problem = Schema.Struct({
  type: Schema.optionalKey(Schema.String),
  detail: Schema.optionalKey(Schema.String),
  subproblems: Schema.optionalKey(Schema.Array(Schema.Struct({ detail: Schema.optionalKey(Schema.String) })))
})
const decodeProblem = Schema.decodeUnknownOption(Problem)

const namespace = "urn:ietf:params:acme:error:"
const longestDetail = 500

/** Type and text of a problem document; both empty if it is not one. */
export const problemOf = (body: unknown): { readonly type: string; readonly text: string } => {
  const found = decodeProblem(body)
  if (found._tag === "None") return { type: "", text: "" }
  const { detail = "", subproblems = [], type = "" } = found.value
  const details = [detail, ...subproblems.map((each) => each.detail ?? "")].filter((each) => each !== "")
  return {
    type: type.startsWith(namespace) ? type.slice(namespace.length) : type,
    text: details.join("; ").slice(0, longestDetail)
  }
}
