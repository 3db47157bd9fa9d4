/** Runs a command on certificates. Its error says what only the log says to callers of a service: paths and addresses. */
import { Effect, Schema } from "effect"
import { CertificateError, CertificatesUnavailable } from "../../../layers/edge/certificates/Certificate.ts"
import { certificates } from "../../program/certificates.ts"
import { UsageError } from "../UsageError.ts"

class CertificatesFailed extends Schema.TaggedError<CertificatesFailed>()("CertificatesFailed", {
  message: Schema.String
}) {}

const translate = <E>(error: E | CertificateError | CertificatesUnavailable) => {
  if (error instanceof CertificatesUnavailable)
    return new CertificatesFailed({ message: error.detail ?? error.message })
  return error instanceof CertificateError ? new UsageError({ detail: error.message }) : error
}

export const asOperator = <A, E, R>(
  command: Effect.Effect<A, E | CertificateError | CertificatesUnavailable, R>
) => command.pipe(Effect.mapError(translate), Effect.provide(certificates))
