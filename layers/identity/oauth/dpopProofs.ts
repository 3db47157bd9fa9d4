/** Verifies DPoP proofs (RFC 9449, section 4.3): that the sender of a request has the private key of its access token. */
import { Effect, Redacted, Schema } from "effect"
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from "jose"
import { equalInConstantTime, hmacSha256, sha256 } from "../../platform/digest.ts"
import { type ProofVerdict, VerifierUnavailable } from "../CredentialVerifier.ts"
import { proofAlgorithms } from "../proofAlgorithms.ts"
import { ReplayCache } from "./ReplayCache.ts"

/** How far `iat` may be from our clock, in milliseconds, in both directions. */
const tolerance = 60_000
/** A nonce changes at this interval, in milliseconds; those of the two intervals before are accepted. */
const nonceInterval = 60_000
const maxProof = 8192
/** Ids that are remembered; further proofs get 503 until others have expired. */
const maxIds = { max: 200_000, maxPerOwner: 50_000 }
const maxId = 256

const Claims = Schema.Struct({
  jti: Schema.NonEmptyString.check(Schema.isMaxLength(maxId)),
  htm: Schema.String,
  htu: Schema.String,
  iat: Schema.Finite,
  ath: Schema.String,
  nonce: Schema.optionalKey(Schema.String)
})
const decodeClaims = Schema.decodeUnknownOption(Claims)

export interface ProofRequest {
  /** The header `DPoP`. */
  readonly proof: string | null
  readonly method: string
  /** URL by which the client reached the resource; `undefined`: unknown. */
  readonly url: string | undefined
  readonly token: string
  /** SHA-256 thumbprint (RFC 7638) of the key that the token is bound to. */
  readonly thumbprint: string
}

export interface ProofOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Key of the nonces, if they are required. */
  readonly nonceKey: Redacted.Redacted<Uint8Array> | undefined
}

const encoded = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url")

/** Without query and fragment (section 4.3, step 9), in normal form. */
const targetOf = (url: string) => {
  const parsed = URL.parse(url)
  if (parsed === null) return undefined
  parsed.search = ""
  parsed.hash = ""
  return parsed.href
}

const invalid = (message: string): ProofVerdict => ({ error: "invalid_dpop_proof", message })

const tooMany = new VerifierUnavailable({
  message: "Too many DPoP proofs in a short time. Retry later.",
  retryAfter: 1000
})

export const make = ({ nonceKey, now }: ProofOptions) => {
  const replays = new ReplayCache({ ...maxIds, window: 2 * tolerance })

  const nonceAt = (key: Redacted.Redacted<Uint8Array>, interval: number) =>
    encoded(hmacSha256(Redacted.value(key), `dpop-nonce:${interval}`).slice(0, 16))
  const bytes = (text: string) => new TextEncoder().encode(text)

  /** The nonce that the client must use, unless its own is current. */
  const requiredNonce = (given: string | undefined, at: number): string | undefined => {
    if (nonceKey === undefined) return undefined
    const interval = Math.floor(at / nonceInterval)
    const accepted = [interval, interval - 1, interval - 2].map((each) => nonceAt(nonceKey, each))
    const isCurrent = accepted.some((nonce) => equalInConstantTime(bytes(nonce), bytes(given ?? "")))
    return isCurrent ? undefined : nonceAt(nonceKey, interval)
  }

  /** Claims of the proof, if it is signed with the key of the token. */
  const signed = async (proof: string, thumbprint: string) => {
    try {
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
        algorithms: [...proofAlgorithms],
        typ: "dpop+jwt"
      })
      const { jwk } = protectedHeader
      if (jwk === undefined || (await calculateJwkThumbprint(jwk)) !== thumbprint) return "key" as const
      const claims = decodeClaims(payload)
      return claims._tag === "Some" ? claims.value : undefined
    } catch {
      return undefined
    }
  }

  return Effect.fnUntraced(function* ({
    method,
    proof,
    thumbprint,
    token,
    url
  }: ProofRequest): Effect.fn.Return<ProofVerdict, VerifierUnavailable> {
    if (proof === null) return invalid("The header DPoP with a proof is missing.")
    // Several headers arrive joined with a comma.
    if (proof.length > maxProof || proof.includes(",")) return invalid("The header DPoP is not one proof.")
    const claims = yield* Effect.promise(() => signed(proof, thumbprint))
    if (claims === "key") return { error: "invalid_token", message: "The token is bound to another key." }
    if (claims === undefined) {
      return invalid("The DPoP proof is malformed, or its signature, algorithm or type is wrong.")
    }
    if (claims.htm !== method) return invalid("htm of the DPoP proof is not the method of the request.")
    if (url === undefined || targetOf(claims.htu) !== targetOf(url)) {
      return invalid("htu of the DPoP proof is not the URL of the request.")
    }
    if (claims.ath !== encoded(sha256(token)))
      return invalid("ath of the DPoP proof is not that of the token.")
    const at = now()
    const nonce = requiredNonce(claims.nonce, at)
    if (nonce !== undefined) {
      return {
        error: "use_dpop_nonce",
        message: "The DPoP proof needs the nonce of the header DPoP-Nonce.",
        nonce
      }
    }
    if (Math.abs(at - claims.iat * 1000) > tolerance) {
      return invalid("iat of the DPoP proof is more than a minute away from the clock of the server.")
    }
    const used = replays.use(claims.jti, thumbprint, at)
    if (used === "full") return yield* tooMany
    return used === "new" ? "proven" : invalid("The DPoP proof was already used.")
  })
}

export type DpopProofs = ReturnType<typeof make>
