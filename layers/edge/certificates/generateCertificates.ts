/** Generates certificates of the local CA: its root, and certificates for hosts (RFC 5280; ECDSA P-256). */
import * as x509 from "@peculiar/x509"
import { Effect } from "effect"
import { Ids } from "../../platform/Ids.ts"

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const

const minute = 60_000
const day = 24 * 60 * minute
/** Lifetime of the root, in milliseconds. */
const rootLifetime = 3650 * day
/** Certificates are valid from an hour ago, for clients whose clock is slow. */
const backdated = 60 * minute

x509.cryptoProvider.set(crypto)

/** Both as PEM. */
export interface Authority {
  readonly certificate: string
  readonly key: string
}

/** 20 bytes, positive (RFC 5280, section 4.1.2.2). */
const serialNumber = Effect.map(
  Effect.flatMap(Ids, ({ secret }) => secret(20)),
  (bytes) => {
    bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
    return Buffer.from(bytes).toString("hex")
  }
)

const generateKeys = Effect.promise(() => crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]))

const keyPem = (key: CryptoKey) =>
  Effect.map(
    Effect.promise(() => crypto.subtle.exportKey("pkcs8", key)),
    (bytes) => `${x509.PemConverter.encode(bytes, "PRIVATE KEY")}\n`
  )

const importKey = (pem: string) =>
  Effect.promise(() =>
    crypto.subtle.importKey("pkcs8", x509.PemConverter.decodeFirst(pem), algorithm, false, ["sign"])
  )

/** A root certificate, valid for ten years. `label` distinguishes it from the roots of other installations. */
export const makeRoot = Effect.fnUntraced(function* (label: string, now: number) {
  const keys = yield* generateKeys
  const serial = yield* serialNumber
  const certificate = yield* Effect.promise(async () =>
    x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: serial,
      name: [{ CN: [`manifold local CA ${label}`] }, { O: ["manifold"] }],
      notBefore: new Date(now - backdated),
      notAfter: new Date(now + rootLifetime),
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
      ]
    })
  )
  return {
    certificate: `${certificate.toString("pem")}\n`,
    key: yield* keyPem(keys.privateKey)
  } satisfies Authority
})

const isAddress = (name: string) => /^[\d.]+$|:/.test(name)

/** Longest common name (RFC 5280, upper bound ub-common-name). */
const longestName = 64

/** Issues certificates of a root. */
export const issuerOf = Effect.fnUntraced(function* (authority: Authority) {
  const root = new x509.X509Certificate(authority.certificate)
  const signingKey = yield* importKey(authority.key)
  const authorityId = yield* Effect.promise(() => x509.AuthorityKeyIdentifierExtension.create(root))

  /** For these DNS names, wildcards and IP addresses, valid for `lifetime` milliseconds and at most as long as the root. */
  return Effect.fnUntraced(function* (names: ReadonlyArray<string>, now: number, lifetime: number) {
    const keys = yield* generateKeys
    const serial = yield* serialNumber
    const [first = ""] = names
    const certificate = yield* Effect.promise(async () =>
      x509.X509CertificateGenerator.create({
        serialNumber: serial,
        // Longer names are only in the subject alternative name.
        subject: first.length <= longestName ? [{ CN: [first] }] : [{ O: ["manifold"] }],
        issuer: root.subjectName,
        notBefore: new Date(Math.max(now - backdated, root.notBefore.getTime())),
        notAfter: new Date(Math.min(now + lifetime, root.notAfter.getTime())),
        signingAlgorithm: algorithm,
        publicKey: keys.publicKey,
        signingKey,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isAddress(value) ? "ip" : "dns", value }))
          ),
          authorityId,
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
        ]
      })
    )
    return { chain: `${certificate.toString("pem")}\n`, key: yield* keyPem(keys.privateKey) }
  })
})
