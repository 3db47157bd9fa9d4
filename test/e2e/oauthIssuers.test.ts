/** Access tokens of another authorization server, verified by its key set: what is accepted, and what is rejected. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose"
import { sqlite } from "../support/databases.ts"
import { bound, proofKey } from "../support/dpop.ts"
import { it } from "../support/effect.ts"
import { oauthService } from "../support/oauth.ts"
import { initialize, openSession, post, request } from "../support/service.ts"

const issuer = "https://issuer.example"

/** A server of a key set, and tokens signed with its key. */
const issuerServer = Effect.gen(function* () {
  const { privateKey, publicKey } = yield* Effect.promise(() =>
    generateKeyPair("ES256", { extractable: true })
  )
  const jwk = { ...(yield* Effect.promise(() => exportJWK(publicKey))), kid: "one", alg: "ES256", use: "sig" }
  const state = { status: 200, requests: 0 }
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        fetch: () => {
          state.requests++
          return Response.json({ keys: [jwk] }, { status: state.status })
        }
      })
    ),
    (running) => Effect.promise(() => running.stop(true))
  )
  return { jwks_url: `http://127.0.0.1:${server.port}/jwks`, privateKey, publicKey, state }
})

const claims = { iss: issuer, sub: "user-1", client_id: "client-1", scope: "mcp:read mcp:call" }
const now = () => Math.floor(Date.now() / 1000)

it.live("tokens of the issuer are accepted for their resource, with their scopes", () =>
  Effect.gen(function* () {
    const { jwks_url, privateKey, publicKey, state } = yield* issuerServer
    const issuers = [{ issuer, jwks_url, ceiling: ["admin"] }]
    const { base } = yield* oauthService(yield* sqlite, { auth: { oauth: { issuers } } })
    const url = new URL("/mcp", base)
    const signed = (
      extra: Record<string, unknown> = {},
      header: { readonly alg?: string; readonly typ?: string; readonly kid?: string } = {},
      key: Parameters<SignJWT["sign"]>[0] = privateKey
    ) =>
      Effect.promise(() =>
        new SignJWT({ ...claims, aud: `${base}/mcp`, exp: now() + 300, ...extra })
          .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "one", ...header })
          .sign(key)
      )
    const status = (token: string) =>
      Effect.map(post(url, initialize(), { authorization: `Bearer ${token}` }), (response) => response.status)

    const token = yield* signed()
    expect(yield* status(token)).toBe(200)
    const session = yield* openSession(url, "2025-11-25", { authorization: `Bearer ${token}` })
    const call = request(1, "tools/call", { name: "math.add", arguments: { a: 1, b: 2 } })
    expect((yield* post(url, call, session)).status).toBe(200)
    const admin = yield* post(url, request(2, "tools/call", { name: "get_logs", arguments: {} }), session)
    expect([admin.status, admin.headers.get("www-authenticate")]).toEqual([
      403,
      expect.stringContaining("mcp:admin")
    ])
    const fetched = state.requests

    const key = yield* Effect.promise(() => proofKey())
    const ofKey = yield* signed({ cnf: { jkt: key.thumbprint } })
    expect(yield* status(ofKey)).toBe(401)
    const proven = yield* Effect.promise(() => bound(key, ofKey, { htu: url.href }))
    expect((yield* post(url, initialize(), proven)).status).toBe(200)

    const text = yield* Effect.promise(() => exportSPKI(publicKey))
    const other = yield* Effect.promise(() => generateKeyPair("ES256"))
    const none = `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${token.split(".")[1]}.`
    const rejected = {
      none,
      "HS256 with the public key": yield* signed({}, { alg: "HS256" }, new TextEncoder().encode(text)),
      expired: yield* signed({ exp: now() - 60 }),
      "not yet valid": yield* signed({ nbf: now() + 300 }),
      "another signature": yield* signed({}, {}, other.privateKey),
      "another audience": yield* signed({ aud: "https://other.example/mcp" }),
      "parent path": yield* signed({ aud: base }),
      "child path": yield* signed({ aud: `${base}/mcp/child` }),
      "an ID token": yield* signed({}, { typ: "JWT" }),
      "another issuer": yield* signed({ iss: "https://evil.example" }),
      "no subject": yield* signed({ sub: undefined }),
      "no expiry": yield* signed({ exp: undefined }),
      truncated: token.slice(0, -4)
    }
    for (const [what, each] of Object.entries(rejected))
      expect([what, yield* status(each)]).toEqual([what, 401])
    // Unknown issuers cause no request.
    expect(state.requests).toBe(fetched)
  })
)

it.live("while the keys cannot be fetched, the service answers 503", () =>
  Effect.gen(function* () {
    const { jwks_url, privateKey, state } = yield* issuerServer
    state.status = 500
    const { base } = yield* oauthService(yield* sqlite, {
      auth: { oauth: { issuers: [{ issuer, jwks_url }] } }
    })
    const token = yield* Effect.promise(() =>
      new SignJWT({ ...claims, aud: `${base}/mcp`, exp: now() + 300 })
        .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "one" })
        .sign(privateKey)
    )
    const response = yield* post(new URL("/mcp", base), initialize(), { authorization: `Bearer ${token}` })
    expect(response.status).toBe(503)
    expect(response.headers.get("retry-after")).toBe("5")
    expect(yield* Effect.promise(() => response.text())).not.toContain(jwks_url)
    const metadata = yield* Effect.promise(() => fetch(`${base}/.well-known/oauth-protected-resource/mcp`))
    expect(yield* Effect.promise(() => metadata.json())).toMatchObject({
      authorization_servers: [base, issuer]
    })
  })
)
