/** Clients that prove to have the key of their access tokens (DPoP, RFC 9449). */
import { Effect } from "effect"
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT, type JWK } from "jose"
import { Browser, callback, manualClient } from "./oauth.ts"

export interface ProofKey {
  readonly privateKey: CryptoKey
  readonly jwk: JWK
  readonly alg: string
  readonly thumbprint: string
}

export const proofKey = (alg = "ES256"): Promise<ProofKey> =>
  generateKeyPair(alg, { extractable: true }).then(async ({ privateKey, publicKey }) => {
    const jwk = await exportJWK(publicKey)
    return { privateKey, jwk, alg, thumbprint: await calculateJwkThumbprint(jwk) }
  })

export interface ProofClaims {
  readonly htm?: string
  readonly htu: string
  readonly ath?: string
  readonly iat?: number
  readonly jti?: string
  readonly nonce?: string
}

export const hashOf = (token: string) =>
  Buffer.from(new Bun.CryptoHasher("sha256").update(token).digest()).toString("base64url")

/** A proof for one request; `header` replaces parts of its header. */
export const proofOf = (
  { alg, jwk, privateKey }: Pick<ProofKey, "alg" | "jwk" | "privateKey">,
  claims: ProofClaims,
  header: Record<string, unknown> = {}
): Promise<string> =>
  new SignJWT({ htm: "POST", jti: crypto.randomUUID(), iat: Math.floor(Date.now() / 1000), ...claims })
    .setProtectedHeader({ alg, typ: "dpop+jwt", jwk, ...header })
    .sign(privateKey)

/** Headers of a request with a token that is bound to the key. */
export const bound = async (key: ProofKey, token: string, claims: ProofClaims) => ({
  authorization: `DPoP ${token}`,
  dpop: await proofOf(key, { ath: hashOf(token), ...claims })
})

/** Posts to the token endpoint with a proof, and again with the nonce that the server asks for. */
export const tokenRequest = async (
  base: string,
  key: ProofKey,
  body: Readonly<Record<string, string>>,
  nonce?: string
): Promise<{ readonly status: number; readonly body: Record<string, unknown>; readonly nonces: number }> => {
  const htu = `${base}/oauth/token`
  const dpop = await proofOf(key, { htu, ...(nonce !== undefined && { nonce }) })
  const response = await fetch(htu, { method: "POST", body: new URLSearchParams(body), headers: { dpop } })
  const received = (await response.json()) as Record<string, unknown>
  const next = response.headers.get("dpop-nonce")
  if (received["error"] === "use_dpop_nonce" && next !== null && nonce === undefined) {
    const again = await tokenRequest(base, key, body, next)
    return { ...again, nonces: again.nonces + 1 }
  }
  return { status: response.status, body: received, nonces: 0 }
}

/** Tokens of a client that signed in with a proof. */
export const boundTokens = Effect.fnUntraced(function* (
  base: string,
  key: ProofKey,
  parameters: Record<string, string> = {}
) {
  const { authorizeUrl, clientId, verifier } = yield* manualClient(base, parameters)
  const browser = new Browser()
  const back = yield* Effect.promise(() => browser.authorize(authorizeUrl))
  const { body, nonces, status } = yield* Effect.promise(() =>
    tokenRequest(base, key, {
      grant_type: "authorization_code",
      code: back.searchParams.get("code") ?? "",
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: callback
    })
  )
  return {
    status,
    nonces,
    type: String(body["token_type"]),
    access_token: String(body["access_token"]),
    refresh_token: String(body["refresh_token"]),
    client_id: clientId
  }
})
