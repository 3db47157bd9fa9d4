/** Access tokens that are bound to a key (DPoP, RFC 9449): obtained, used and refreshed with proofs, and refused without. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { exportJWK, SignJWT } from "jose"
import { sqlite } from "../support/databases.ts"
import {
  bound,
  boundTokens,
  hashOf,
  proofKey,
  proofOf,
  tokenRequest,
  type ProofClaims
} from "../support/dpop.ts"
import { it } from "../support/effect.ts"
import { form, tokensOf, withAlice } from "../support/oauth.ts"
import { initialize, post, request } from "../support/service.ts"

const key = await proofKey()
const json = (response: Response) => Effect.promise(() => response.json())
const list = request(1, "tools/list", {})

it.live("a client with a key connects, calls and refreshes; the metadata announces it", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const at = (path: string) => Effect.promise(() => fetch(`${base}${path}`))
    const server = yield* json(yield* at("/.well-known/oauth-authorization-server"))
    expect(server).toMatchObject({ dpop_signing_alg_values_supported: ["ES256", "Ed25519", "EdDSA"] })
    expect(yield* json(yield* at("/.well-known/oauth-protected-resource/mcp"))).toMatchObject({
      dpop_signing_alg_values_supported: ["ES256", "Ed25519", "EdDSA"],
      dpop_bound_access_tokens_required: false
    })

    const tokens = yield* boundTokens(base, key)
    expect([tokens.status, tokens.type]).toEqual([200, "DPoP"])
    const url = new URL("/mcp", base)
    const headers = (token: string, claims: Partial<ProofClaims> = {}) =>
      Effect.promise(() => bound(key, token, { htu: url.href, ...claims }))
    const opened = yield* post(url, initialize(), yield* headers(tokens.access_token))
    expect(opened.status).toBe(200)
    const session = { "mcp-session-id": opened.headers.get("mcp-session-id") ?? "" }
    // Query and fragment of the URL do not count.
    const called = yield* post(url, list, {
      ...session,
      ...(yield* headers(tokens.access_token, { htu: `${url.href}?a=1#b` }))
    })
    expect(called.status).toBe(200)
    expect(
      (yield* post(url, list, { ...session, authorization: `DPoP ${tokens.access_token}` })).status
    ).toBe(401)

    const refresh = {
      grant_type: "refresh_token",
      refresh_token: tokens.refresh_token,
      client_id: tokens.client_id
    }
    const refused = yield* form(`${base}/oauth/token`, refresh)
    expect([refused.status, refused.body.error]).toEqual([400, "invalid_grant"])
    const other = yield* Effect.promise(async () => tokenRequest(base, await proofKey(), refresh))
    expect([other.status, other.body["error"]]).toEqual([400, "invalid_grant"])
    const renewed = yield* Effect.promise(() => tokenRequest(base, key, refresh))
    expect([renewed.status, renewed.body["token_type"]]).toEqual([200, "DPoP"])
    const token = String(renewed.body["access_token"])
    expect((yield* post(url, initialize(), yield* headers(token))).status).toBe(200)
    const seen = yield* form(`${base}/oauth/introspect`, { token, client_id: tokens.client_id })
    expect(seen.body).toMatchObject({ active: true, token_type: "DPoP", cnf: { jkt: key.thumbprint } })
  })
)

it.live("a bound token is refused as Bearer, and a token that is not bound with the scheme DPoP", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, {
      auth: { tokens: [{ name: "ci", token: "0123456789abcdef0123456789abcdef" }] }
    })
    const url = new URL("/mcp", base)
    const tokens = yield* boundTokens(base, key)
    const asBearer = yield* post(url, initialize(), { authorization: `Bearer ${tokens.access_token}` })
    expect(asBearer.status).toBe(401)
    const challenge = asBearer.headers.get("www-authenticate") ?? ""
    expect(challenge).toStartWith('DPoP realm="manifold", algs="ES256 Ed25519 EdDSA", error="invalid_token"')
    expect(challenge).toContain(`resource_metadata="${base}/.well-known/oauth-protected-resource/mcp"`)

    const plain = yield* tokensOf(base)
    for (const token of [plain.access_token, "0123456789abcdef0123456789abcdef"]) {
      expect((yield* post(url, initialize(), { authorization: `Bearer ${token}` })).status).toBe(200)
      const headers = yield* Effect.promise(() => bound(key, token, { htu: url.href }))
      const refused = yield* post(url, initialize(), headers)
      expect(refused.status).toBe(401)
      expect(refused.headers.get("www-authenticate")).toContain("is not bound to a key")
    }
    // Challenges have the scheme that the client used.
    const unknown = yield* post(url, initialize(), { authorization: "DPoP unknown", dpop: "x" })
    expect(unknown.headers.get("www-authenticate")).toStartWith("DPoP ")
    const headers = () => Effect.promise(() => bound(key, tokens.access_token, { htu: url.href }))
    const opened = yield* post(url, initialize(), yield* headers())
    const admin = yield* post(url, request(1, "tools/call", { name: "get_logs", arguments: {} }), {
      ...(yield* headers()),
      "mcp-session-id": opened.headers.get("mcp-session-id") ?? ""
    })
    expect(admin.status).toBe(403)
    expect(admin.headers.get("www-authenticate")).toMatch(/^DPoP .*error="insufficient_scope".*mcp:admin/)
  })
)

it.live("proofs that are not of this request, key and moment are refused, and none is accepted twice", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const url = new URL("/mcp", base)
    const { access_token: token } = yield* boundTokens(base, key)
    const good = { htu: url.href, ath: hashOf(token) }
    const now = Math.floor(Date.now() / 1000)
    const other = yield* Effect.promise(() => proofKey())
    const unsigned = yield* Effect.promise(() => proofOf(key, good))
    const shared = yield* Effect.promise(async () =>
      new SignJWT({ ...good, htm: "POST", jti: "1", iat: now })
        .setProtectedHeader({
          alg: "HS256",
          typ: "dpop+jwt",
          jwk: await exportJWK(new TextEncoder().encode("secret"))
        })
        .sign(new TextEncoder().encode("secret"))
    )
    const rsa = yield* Effect.promise(() => proofKey("RS256"))
    const made = (claims: Partial<ProofClaims>, header: Record<string, unknown> = {}) =>
      Effect.promise(() => proofOf(key, { ...good, ...claims }, header))
    const proofs: Readonly<Record<string, string>> = {
      "another method": yield* made({ htm: "GET" }),
      "another path": yield* made({ htu: `${base}/usage` }),
      "another host": yield* made({ htu: "https://evil.example/mcp" }),
      "no URL": yield* made({ htu: "mcp" }),
      "another token": yield* made({ ath: hashOf("another") }),
      "no token hash": yield* Effect.promise(() => proofOf(key, { htu: url.href })),
      old: yield* made({ iat: now - 90 }),
      "from the future": yield* made({ iat: now + 90 }),
      "empty id": yield* made({ jti: "" }),
      "long id": yield* made({ jti: "x".repeat(300) }),
      "another type": yield* made({}, { typ: "JWT" }),
      "another key": yield* Effect.promise(() => proofOf(other, good)),
      "the public key of the token, signed with another": yield* Effect.promise(() =>
        proofOf({ ...other, jwk: key.jwk }, good)
      ),
      "an unsupported algorithm": yield* Effect.promise(() => proofOf(rsa, good)),
      "a shared secret": shared,
      "no signature": `${unsigned.split(".").slice(0, 2).join(".")}.`,
      "alg none": `${Buffer.from(JSON.stringify({ alg: "none", typ: "dpop+jwt", jwk: key.jwk })).toString("base64url")}.${unsigned.split(".")[1]}.`,
      garbage: "x.y.z",
      "two proofs": `${yield* made({})}, ${yield* made({})}`
    }
    for (const [what, dpop] of Object.entries(proofs)) {
      const response = yield* post(url, initialize(), { authorization: `DPoP ${token}`, dpop })
      expect([what, response.status]).toEqual([what, 401])
      const challenge = response.headers.get("www-authenticate") ?? ""
      expect([what, challenge]).toEqual([
        what,
        expect.stringMatching(/^DPoP realm="manifold", algs=".*", error="invalid_(?:dpop_proof|token)"/)
      ])
    }
    const headers = yield* Effect.promise(() => bound(key, token, { htu: url.href }))
    const replies = yield* Effect.forEach([1, 2, 3, 4], () => post(url, initialize(), headers), {
      concurrency: "unbounded"
    })
    // Many invalid proofs from one address are throttled, valid ones are not.
    expect(replies.map(({ status }) => status).filter((status) => status === 200)).toHaveLength(1)
  })
)

it.live("with dpop_nonce, the token endpoint and the resource demand a nonce, which works again", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, { auth: { oauth: { dpop_nonce: true } } })
    const url = new URL("/mcp", base)
    const { access_token: token, nonces, status } = yield* boundTokens(base, key)
    expect([status, nonces]).toEqual([200, 1])
    const asked = yield* post(
      url,
      initialize(),
      yield* Effect.promise(() => bound(key, token, { htu: url.href }))
    )
    expect(asked.status).toBe(401)
    expect(asked.headers.get("www-authenticate")).toContain('error="use_dpop_nonce"')
    const nonce = asked.headers.get("dpop-nonce") ?? ""
    for (const [given, expected] of [
      [nonce, 200],
      [nonce, 200],
      [`${nonce}x`, 401]
    ] as const) {
      const headers = yield* Effect.promise(() => bound(key, token, { htu: url.href, nonce: given }))
      expect((yield* post(url, initialize(), headers)).status).toBe(expected)
    }
  })
)

it.live("a ticket for a bound token needs a proof, and opens a stream without one", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { access_token: token } = yield* boundTokens(base, key, { resource: `${base}/mcp/sse` })
    const url = new URL("/auth/ticket", base)
    const body = { path: "/mcp/sse" }
    expect((yield* post(url, body, { authorization: `DPoP ${token}` })).status).toBe(401)
    const headers = yield* Effect.promise(() => bound(key, token, { htu: url.href }))
    const issued = yield* post(url, body, headers)
    expect(issued.status).toBe(201)
    const { ticket } = (yield* json(issued)) as { readonly ticket: string }
    const stream = yield* Effect.promise(() =>
      fetch(`${base}/mcp/sse?ticket=${ticket}`, { headers: { accept: "text/event-stream" } })
    )
    expect(stream.status).toBe(200)
    yield* Effect.promise(async () => stream.body?.cancel())
  })
)
