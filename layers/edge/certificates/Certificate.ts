/** A certificate as administrators see it, an upload, and the errors of both. */
import { DateTime, Schema } from "effect"
import type { Principal } from "../../../src/domain/Principal.ts"

export const sources = ["local_ca", "acme", "uploaded"] as const
export const Source = Schema.Literals(sources)
export type Source = typeof Source.Type

/**
 * `active`: valid. `expiring`: its renewal is overdue, or it is uploaded and expires within 14 days. `expired`: no longer
 * valid. `pending`: being issued. `failed`: the last attempt to issue it failed.
 */
export const states = ["active", "expiring", "expired", "pending", "failed"] as const
export const State = Schema.Literals(states)
export type State = typeof State.Type

const Time = Schema.NullOr(Schema.String)

export const Certificate = Schema.Struct({
  id: Schema.NullOr(Schema.String).annotate({ description: "Null while the certificate is being issued." }),
  names: Schema.Array(Schema.String).annotate({ description: "DNS names and IP addresses." }),
  source: Source,
  issuer: Schema.NullOr(Schema.String),
  state: State,
  hosts: Schema.Array(Schema.String).annotate({ description: "Hosts that are served with it now." }),
  not_before: Time,
  expires_at: Time,
  days_left: Schema.NullOr(Schema.Finite).annotate({ description: "Days until it expires; negative after." }),
  fingerprint_sha256: Schema.NullOr(Schema.String),
  next_action: Schema.Literals(["renew", "issue", "retry", "replace", "none"]).annotate({
    description: "replace: upload another one. The others happen by themselves."
  }),
  next_action_at: Time,
  last_error: Schema.NullOr(Schema.String),
  created_at: Time,
  created_by: Schema.NullOr(Schema.String)
}).annotate({ identifier: "Certificate", description: "Times are in ISO 8601." })
export type Certificate = typeof Certificate.Type

export const Upload = Schema.Struct({
  certificate: Schema.NonEmptyString.check(Schema.isMaxLength(64 * 1024)).annotate({
    description: "PEM: the certificate, followed by its intermediate certificates."
  }),
  private_key: Schema.NonEmptyString.check(Schema.isMaxLength(16 * 1024)).annotate({
    description: "PEM: the private key, without a passphrase."
  })
}).annotate({ identifier: "CertificateUpload" })
export type Upload = typeof Upload.Type

export const Retry = Schema.Struct({
  hostname: Schema.NonEmptyString.check(Schema.isMaxLength(255)).annotate({
    description: "Host whose certificate could not be issued, such as app.example.com."
  })
}).annotate({ identifier: "CertificateRetry" })

export const Retried = Schema.Struct({
  hostname: Schema.String,
  last_error: Schema.NullOr(Schema.String).annotate({ description: "Why the last attempt failed." })
}).annotate({ identifier: "CertificateRetried" })
export type Retried = typeof Retried.Type

/**
 * `invalid`: the chain or its key fails a check. `not_found`: no certificate has the id. `too_many`: a limit is reached.
 */
export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  reason: Schema.Literals(["invalid", "not_found", "too_many"]),
  message: Schema.String
}) {}

/** The certificates could not be read or written. `message` is for callers: it shows no path or address. */
export class CertificatesUnavailable extends Schema.TaggedError<CertificatesUnavailable>()(
  "CertificatesUnavailable",
  { message: Schema.String }
) {
  /** For the operator: what is wrong, and what to do. Not encoded. */
  detail: string | undefined
}

/** A principal with one of its requests, or the operator at the command line. */
export type Administrator =
  { readonly principal: Principal; readonly requestId?: string | undefined } | "operator"

export interface PageRequest {
  readonly cursor?: string | undefined
  readonly limit: number
}

export interface CertificatePage {
  readonly certificates: ReadonlyArray<Certificate>
  /** Of the next page. */
  readonly cursor: string | undefined
}

export const isoOf = (millis: number | null): string | null =>
  millis === null ? null : DateTime.formatIso(DateTime.makeUnsafe(millis))
