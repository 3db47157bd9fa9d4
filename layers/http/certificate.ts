/** Loads and validates the TLS certificate and its key from PEM files. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { DateTime, Effect, FileSystem, Schema } from "effect"
import { describeFileError } from "../platform/describeFileError.ts"

export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  reason: Schema.Literals(["unreadable", "malformed", "mismatched", "expired", "early"]),
  path: Schema.String,
  message: Schema.String
}) {}

export interface CertificateFiles {
  /** The certificate, followed by its intermediates. */
  readonly cert_file: string
  /** Its private key, without a passphrase. */
  readonly key_file: string
}

/** PEM texts, as `ListenerOptions.tls`. */
export interface Certificate {
  readonly cert: string
  readonly key: string
  /** Expiry date, such as `Nov 25 12:00:00 2026 GMT`. */
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
        message: `${setting}: cannot read ${path}: ${describeFileError(error.reason)}`
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
        message: `${setting}: ${path} has no ${what}. It must be PEM; a key must not have a passphrase.`
      })
  })

/** Fails with the setting at fault: unreadable, not PEM, key does not match, expired or not yet valid. */
export const load = Effect.fnUntraced(function* ({ cert_file, key_file }: CertificateFiles) {
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
      message: `server.tls: the key ${key_file} does not match the certificate ${cert_file}.`
    })
  }
  const now = DateTime.toEpochMillis(yield* DateTime.now)
  if (Date.parse(certificate.validTo) <= now) {
    return yield* new CertificateError({
      reason: "expired",
      path: cert_file,
      message: `server.tls.cert_file: ${cert_file} expired on ${certificate.validTo}. Renew it.`
    })
  }
  if (Date.parse(certificate.validFrom) > now) {
    return yield* new CertificateError({
      reason: "early",
      path: cert_file,
      message: `server.tls.cert_file: ${cert_file} is not valid before ${certificate.validFrom}. Check the system clock.`
    })
  }
  const loaded: Certificate = { cert, key, validTo: certificate.validTo }
  return loaded
})
