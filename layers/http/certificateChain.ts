/** Checks a PEM certificate chain and its private key: key match, names, dates, chain order and use for servers. */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { Clock, Effect, Schema } from "effect"

/**
 * `malformed`: not PEM, or no certificate. `key`: no private key, or one with a passphrase. `mismatched`: the key is of
 * another certificate. `weak`: the key is too short. `names`: a required name is missing. `order`: a certificate is not
 * followed by its issuer. `use`: not a certificate for servers.
 */
const Reason = Schema.Literals([
  "malformed",
  "key",
  "mismatched",
  "weak",
  "expired",
  "early",
  "names",
  "order",
  "use"
])

export class ChainInvalid extends Schema.TaggedError<ChainInvalid>()("ChainInvalid", {
  reason: Reason,
  message: Schema.String
}) {}

/** What the first certificate of a chain says. Times are milliseconds since the epoch. */
export interface ChainInfo {
  /** DNS names and IP addresses, in lower case. */
  readonly names: ReadonlyArray<string>
  /** Common name of the issuer, else its whole name. */
  readonly issuer: string
  readonly notBefore: number
  readonly notAfter: number
  /** SHA-256 of the certificate in hexadecimal digits with colons, as browsers show it. */
  readonly fingerprint: string
  readonly serial: string
}

/** Longest chain: certificates and bytes. */
const mostCertificates = 10
const mostBytes = 64 * 1024
/** CA/Browser Forum Baseline Requirements, section 6.1.5. */
const leastRsaBits = 2048
/** Extended key usage id-kp-serverAuth (RFC 5280, section 4.2.1.12), and anyExtendedKeyUsage. */
const serverUses: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.1", "2.5.29.37.0"])

const block = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

const invalid = (reason: typeof Reason.Type, message: string) =>
  Effect.fail(new ChainInvalid({ reason, message }))

const attempt = <A>(reason: typeof Reason.Type, message: string, run: () => A) =>
  Effect.try({ try: run, catch: () => new ChainInvalid({ reason, message }) })

/** The certificates of a PEM text. */
const parse = Effect.fnUntraced(function* (pem: string) {
  if (pem.length > mostBytes) return yield* invalid("malformed", "The chain is larger than 64 KiB.")
  const blocks = pem.match(block) ?? []
  if (blocks.length > mostCertificates)
    return yield* invalid("malformed", `The chain has more than ${mostCertificates} certificates.`)
  const certificates = yield* Effect.forEach(blocks, (text, index) =>
    attempt("malformed", `Certificate ${index + 1} of the chain is damaged.`, () => new X509Certificate(text))
  )
  const [leaf] = certificates
  if (leaf === undefined)
    return yield* invalid("malformed", "There is no certificate. It must be PEM, with BEGIN CERTIFICATE.")
  return { certificates, leaf }
})

/** `DNS:a.example, IP Address:10.0.0.1`; IPv6 addresses are canonical, such as `::1`. */
const namesOf = ({ subjectAltName = "" }: X509Certificate): ReadonlyArray<string> =>
  subjectAltName.split(/, /).flatMap((entry) => {
    const [, kind, value = ""] = /^(DNS|IP Address):"?([^"]*)"?$/.exec(entry) ?? []
    if (kind === "DNS") return [value.toLowerCase()]
    if (kind !== "IP Address") return []
    return [value.includes(":") ? new URL(`http://[${value}]`).hostname.slice(1, -1) : value]
  })

const issuerOf = ({ issuer }: X509Certificate) => /(?:^|\n)CN=([^\n]+)/.exec(issuer)?.[1] ?? issuer

const infoOf = (leaf: X509Certificate): ChainInfo => ({
  names: namesOf(leaf),
  issuer: issuerOf(leaf).replaceAll("\n", ", ").slice(0, 256),
  notBefore: Date.parse(leaf.validFrom),
  notAfter: Date.parse(leaf.validTo),
  fingerprint: leaf.fingerprint256,
  serial: leaf.serialNumber
})

/** Reads the first certificate of a chain without checking it. */
export const inspect = (pem: string): Effect.Effect<ChainInfo, ChainInvalid> =>
  Effect.map(parse(pem), ({ leaf }) => infoOf(leaf))

/** Whether the key is that of the certificate, both as PEM; false for what cannot be read. */
export const isKeyOf = (pem: string, key: string): Effect.Effect<boolean> =>
  Effect.orElseSucceed(
    Effect.flatMap(parse(pem), ({ leaf }) =>
      attempt("key", "The private key is damaged.", () => leaf.checkPrivateKey(createPrivateKey(key)))
    ),
    () => false
  )

/** Whether a name is one of the certificate's, or matches its wildcard of one label (RFC 9525, section 6.3). */
export const covers = (names: ReadonlyArray<string>, host: string): boolean => {
  const dot = host.indexOf(".")
  return names.includes(host) || (dot > 0 && !host.startsWith("*") && names.includes(`*${host.slice(dot)}`))
}

const checkOrder = (certificates: ReadonlyArray<X509Certificate>) =>
  Effect.forEach(
    certificates.slice(1),
    (issuer, index) => {
      const issued = certificates[index]
      const isIssuer =
        issued === undefined || (issued.checkIssued(issuer) && issuer.ca && issued.verify(issuer.publicKey))
      return isIssuer
        ? Effect.void
        : invalid(
            "order",
            `Certificate ${index + 1} of the chain is not issued by certificate ${index + 2}. Put the certificate first, then each issuer.`
          )
    },
    { discard: true }
  )

const checkDates = Effect.fnUntraced(function* (certificates: ReadonlyArray<X509Certificate>) {
  const now = yield* Clock.currentTimeMillis
  for (const [index, { validFrom, validTo }] of certificates.entries()) {
    const which = index === 0 ? "The certificate" : `Certificate ${index + 1} of the chain`
    if (Date.parse(validTo) <= now) return yield* invalid("expired", `${which} expired on ${validTo}.`)
    if (Date.parse(validFrom) > now)
      return yield* invalid("early", `${which} is not valid before ${validFrom}. Check the system clock.`)
  }
})

const checkUse = Effect.fnUntraced(function* (leaf: X509Certificate) {
  const { asymmetricKeyDetails, asymmetricKeyType } = leaf.publicKey
  const bits = asymmetricKeyDetails?.modulusLength
  if (asymmetricKeyType === "rsa" && bits !== undefined && bits < leastRsaBits)
    return yield* invalid("weak", `The RSA key has ${bits} bits; at least ${leastRsaBits} are required.`)
  // `keyUsage` is the extended key usage, absent without the extension.
  const uses: ReadonlyArray<string> | undefined = leaf.keyUsage
  if (uses !== undefined && uses.length > 0 && !uses.some((use) => serverUses.has(use)))
    return yield* invalid(
      "use",
      "The certificate is not for servers: its extended key usage lacks serverAuth."
    )
})

export interface Chain {
  /** PEM: the certificate, followed by its intermediates. */
  readonly cert: string
  /** PEM, without a passphrase. */
  readonly key: string
  /** Names that the certificate must have. Default: it must have at least one. */
  readonly names?: ReadonlyArray<string>
}

/** Fails with the first problem. `cert` of the result has only the certificates, in normal form. */
export const check = Effect.fn("certificateChain.check")(function* ({ cert, key, names = [] }: Chain) {
  const { certificates, leaf } = yield* parse(cert)
  const secret = yield* attempt("key", "There is no private key. It must be PEM, without a passphrase.", () =>
    createPrivateKey(key)
  )
  if (!leaf.checkPrivateKey(secret))
    return yield* invalid("mismatched", "The key does not match the first certificate of the chain.")
  yield* checkOrder(certificates)
  yield* checkDates(certificates)
  yield* checkUse(leaf)
  const info = infoOf(leaf)
  if (info.names.length === 0)
    return yield* invalid("names", "The certificate has no names (subject alternative name).")
  const missing = names.find((name) => !covers(info.names, name))
  if (missing !== undefined)
    return yield* invalid(
      "names",
      `The certificate is not for ${missing}, only for ${info.names.join(", ")}.`
    )
  const text = certificates.map((each) => each.toString().trim()).join("\n")
  return { info, chain: `${text}\n` }
})
