/** Lists, adds, removes and retries certificates of the edge, for administrators. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import {
  Certificate,
  CertificateError,
  CertificatesUnavailable,
  Retried,
  Retry,
  Upload
} from "../../layers/edge/certificates/Certificate.ts"
import { Certificates } from "../../layers/edge/certificates/Certificates.ts"
import { Caller } from "../catalog/Caller.ts"
import { ToolPolicy } from "../domain/Policy.ts"

const usualPage = 100
const largestPage = 1000

const failure = Schema.Union([CertificateError, CertificatesUnavailable])
const policy = { scopes: ["admin"] }

const ListCertificates = Tool.make("list_certificates", {
  description:
    "List the TLS certificates of the edge by name, with their issuer, expiry, state and next action. Private keys are never shown.",
  parameters: Schema.Struct({
    limit: Schema.optionalKey(
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: largestPage })).annotate({
        description: `Maximum number of certificates. Default: ${usualPage}.`
      })
    ),
    cursor: Schema.optionalKey(
      Schema.String.annotate({ description: "next_cursor of the page before. Absent: the first page." })
    )
  }),
  success: Schema.Struct({
    certificates: Schema.Array(Certificate),
    next_cursor: Schema.optionalKey(Schema.String)
  }),
  failure
})
  .annotate(Tool.Title, "List certificates")
  .annotate(Tool.Readonly, true)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const AddCertificate = Tool.make("add_certificate", {
  description:
    "Upload a TLS certificate with its private key. It is checked, and then served for all hosts that it has a name for, instead of others. One with the same names replaces an earlier upload.",
  parameters: Upload,
  success: Certificate,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Upload a certificate")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, false)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const RemoveCertificate = Tool.make("remove_certificate", {
  description: "Remove an uploaded TLS certificate. Its hosts are then served with another one.",
  parameters: Schema.Struct({
    id: Schema.NonEmptyString.annotate({ description: "Id of the certificate." })
  }),
  success: Schema.Struct({ id: Schema.String, names: Schema.Array(Schema.String) }),
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Remove an uploaded certificate")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, true)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, false)
  .annotate(ToolPolicy, policy)

const RetryCertificate = Tool.make("retry_certificate", {
  description:
    "Try again within seconds to issue the certificate of a host by ACME, instead of at next_action_at. Use it after the reason of the failure, such as a missing DNS record, was corrected: CAs limit failed attempts.",
  parameters: Retry,
  success: Retried,
  failure,
  dependencies: [Caller]
})
  .annotate(Tool.Title, "Retry to issue a certificate")
  .annotate(Tool.Readonly, false)
  .annotate(Tool.Destructive, false)
  .annotate(Tool.Idempotent, true)
  .annotate(Tool.OpenWorld, true)
  .annotate(ToolPolicy, policy)

export const toolkit = Toolkit.make(ListCertificates, AddCertificate, RemoveCertificate, RetryCertificate)
export const layer = toolkit.toLayer(
  Effect.map(Certificates, (certificates) =>
    toolkit.of({
      list_certificates: ({ cursor, limit = usualPage }) =>
        Effect.map(certificates.list({ cursor, limit }), ({ certificates: page, cursor: next }) => ({
          certificates: page,
          ...(next !== undefined && { next_cursor: next })
        })),
      add_certificate: Effect.fnUntraced(function* (upload) {
        return yield* certificates.add(upload, yield* Caller)
      }),
      retry_certificate: Effect.fnUntraced(function* ({ hostname }) {
        return yield* certificates.retry(hostname, yield* Caller)
      }),
      remove_certificate: Effect.fnUntraced(function* ({ id }) {
        return yield* certificates.remove(id, yield* Caller)
      })
    })
  )
)
