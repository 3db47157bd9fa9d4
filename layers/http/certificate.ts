/** Loads and validates the TLS certificate and its key from PEM files. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { DateTime, Effect, FileSystem, Schema } from "effect"

export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  reason: Schema.Literals(["unreadable", "malformed", "mismatched", "expired", "early"]),
  path: Schema.String,
  message: Schema.String
}) {}

export interface Files {
  /** The certificate, followed by those between it and the root. */
  readonly cert_file: string
  /** Its private key, without a passphrase. */
  readonly key_file: string
}

/** PEM texts, as `ListenerOptions.tls`. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** As in the certificate, such as `Nov 25 12:00:00 2026 GMT`. */
  readonly validTo: string
}

const read = Effect.fnUntraced(function* (path: string, setting: string) {
  const files = yield* FileSystem.FileSystem
  return yield* Effect.mapError(
    files.readFileString(path),
    (error) =>
      new CertificateError({
        reason: "unreadable",
        path,
        message: `${setting}: ${path} cannot be read (${error.reason._tag}); the user who runs the service must be able to`
      })
  )
})

const parse = <A>(path: string, setting: string, what: string, decode: () => A) =>
  Effect.try({
    try: decode,
    catch: () =>
      new CertificateError({
        reason: "malformed",
        path,
        message: `${setting}: ${path} has no ${what}; it must be PEM text, and a key must have no passphrase`
      })
  })

/** Fails with what is wrong and which setting says so: unreadable, no PEM, not a pair, out of its time. */
export const load = Effect.fnUntraced(function* ({ cert_file, key_file }: Files) {
  const cert = yield* read(cert_file, "server.tls.cert_file")
  const key = yield* read(key_file, "server.tls.key_file")
  const certificate = yield* parse(
    cert_file,
    "server.tls.cert_file",
    "certificate",
    () => new X509Certificate(cert)
  )
  const secret = yield* parse(key_file, "server.tls.key_file", "private key", () => createPrivateKey(key))
  if (!certificate.checkPrivateKey(secret)) {
    return yield* new CertificateError({
      reason: "mismatched",
      path: key_file,
      message: `server.tls: ${key_file} is not the key of ${cert_file}; give the two that were made together`
    })
  }
  const now = DateTime.toEpochMillis(yield* DateTime.now)
  if (Date.parse(certificate.validTo) <= now) {
    return yield* new CertificateError({
      reason: "expired",
      path: cert_file,
      message: `server.tls.cert_file: ${cert_file} expired on ${certificate.validTo}; renew it`
    })
  }
  if (Date.parse(certificate.validFrom) > now) {
    return yield* new CertificateError({
      reason: "early",
      path: cert_file,
      message: `server.tls.cert_file: ${cert_file} is valid from ${certificate.validFrom} on; check the machine's clock`
    })
  }
  const loaded: Certificate = { cert, key, validTo: certificate.validTo }
  return loaded
})
