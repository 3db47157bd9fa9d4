/** The OAuth server with a real client: discovery, registration, sign-in, consent, calls, step-up, refresh and revocation. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { onEachDatabase, sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import {
  Browser,
  callback,
  connect,
  form,
  manualClient,
  oauthService,
  SdkClient,
  withAlice
} from "../support/oauth.ts"

onEachDatabase("the OAuth server", (database) => {
  it.live("a client discovers, registers, signs in, calls, refreshes and revokes", () =>
    Effect.gen(function* () {
      const { base } = yield* withAlice(database)
      const provider = new SdkClient()
      const browser = new Browser()
      const { client } = yield* connect(base, provider, browser)
      expect(browser.pages).toEqual(["Sign in to manifold", "Connect Test client to manifold"])
      const called = yield* Effect.promise(() =>
        client.callTool({ name: "math.add", arguments: { a: 2, b: 3 } })
      )
      expect(called.structuredContent).toEqual({ result: 5 })

      const tokens = provider.tokens()
      expect(tokens?.scope).toBe("mcp:read mcp:call")
      const client_id = provider.clientInformation()?.client_id ?? ""
      const refresh_token = tokens?.refresh_token ?? ""
      const refreshed = yield* form(`${base}/oauth/token`, {
        grant_type: "refresh_token",
        refresh_token,
        client_id,
        resource: `${base}/mcp`
      })
      expect(refreshed.status).toBe(200)
      const active = yield* form(`${base}/oauth/introspect`, {
        token: refreshed.body.access_token,
        client_id
      })
      expect(active.body).toMatchObject({ active: true, scope: "mcp:read mcp:call", aud: `${base}/mcp` })
      const replayed = yield* form(`${base}/oauth/token`, {
        grant_type: "refresh_token",
        refresh_token,
        client_id
      })
      expect([replayed.status, replayed.body.error]).toEqual([400, "invalid_grant"])
      const family = yield* form(`${base}/oauth/token`, {
        grant_type: "refresh_token",
        refresh_token: refreshed.body.refresh_token,
        client_id
      })
      expect([family.status, family.body.error]).toEqual([400, "invalid_grant"])
    })
  )

  it.live("one code and one refresh token have one winner among two instances", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const one = yield* oauthService(storage)
      const two = yield* oauthService(storage, {}, one.base)
      yield* one.accounts.add({ name: "alice", password: "correct horse battery", scopes: ["read", "call"] })
      const { authorizeUrl, clientId, verifier } = yield* manualClient(one.base)
      const back = yield* Effect.promise(() => new Browser().authorize(authorizeUrl))
      expect(back.searchParams.get("iss")).toBe(one.base)
      const redeem = {
        grant_type: "authorization_code",
        code: back.searchParams.get("code") ?? "",
        code_verifier: verifier,
        client_id: clientId,
        redirect_uri: callback
      }
      const race = (body: Record<string, string>) =>
        Effect.forEach([one, two, one, two, one, two], ({ url }) => form(`${url}/oauth/token`, body), {
          concurrency: "unbounded"
        })
      const codes = yield* race(redeem)
      const won = codes.filter(({ status }) => status === 200)
      expect(won).toHaveLength(1)
      expect(codes.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(5)
      const refreshed = yield* race({
        grant_type: "refresh_token",
        refresh_token: won[0]?.body.refresh_token,
        client_id: clientId
      })
      expect(refreshed.filter(({ status }) => status === 200)).toHaveLength(1)
      expect(refreshed.filter(({ body }) => body.error === "invalid_grant")).toHaveLength(5)
    })
  )
})

it.live("a service without a public URL answers 503 and says what to set", () =>
  Effect.gen(function* () {
    const { url } = yield* oauthService(yield* sqlite, {}, "none")
    for (const path of [
      "/oauth/authorize",
      "/.well-known/oauth-authorization-server",
      "/.well-known/oauth-protected-resource/mcp"
    ]) {
      const response = yield* Effect.promise(() => fetch(`${url}${path}`))
      expect(response.status).toBe(503)
      expect(yield* Effect.promise(() => response.text())).toContain("server.public_url")
    }
  })
)

for (const publicUrl of ["https://mcp.example.com", "https://example.com/tools"]) {
  it.live(`URLs and cookies are those of ${publicUrl}, whatever Host a proxy sends`, () =>
    Effect.gen(function* () {
      const { url } = yield* oauthService(yield* sqlite, {}, publicUrl)
      const { origin, pathname } = new URL(publicUrl)
      const prefix = pathname === "/" ? "" : pathname
      const { authorizeUrl } = yield* manualClient(url, { resource: `${publicUrl}/mcp` })
      for (const host of [new URL(publicUrl).host, "localhost", `127.0.0.1:${new URL(url).port}`]) {
        const get = (path: string | URL, init: RequestInit = {}) =>
          Effect.promise(() =>
            fetch(new URL(path, url), {
              redirect: "manual",
              ...init,
              headers: { host, ...(init.headers as Record<string, string> | undefined) }
            })
          )
        const metadata = yield* get(`/.well-known/oauth-authorization-server${prefix}`)
        expect(yield* Effect.promise(() => metadata.json())).toMatchObject({
          issuer: publicUrl,
          token_endpoint: `${publicUrl}/oauth/token`,
          jwks_uri: `${publicUrl}/oauth/jwks`
        })
        const rejected = yield* get("/mcp", { method: "POST", body: "{}" })
        expect(rejected.headers.get("www-authenticate")).toContain(
          `resource_metadata="${publicUrl}/.well-known/oauth-protected-resource/mcp"`
        )
        for (const path of [`${prefix}/mcp`, "/mcp"]) {
          const resource = yield* get(`/.well-known/oauth-protected-resource${path}`)
          expect(yield* Effect.promise(() => resource.json())).toMatchObject({ resource: `${publicUrl}/mcp` })
        }
        const started = yield* get(authorizeUrl)
        const to = new URL(started.headers.get("location") ?? "", origin)
        expect(to.pathname).toStartWith(`${prefix}/oauth/interaction/`)
        const cookies = started.headers.getSetCookie()
        expect(cookies.length).toBeGreaterThan(1)
        for (const cookie of cookies) {
          expect(cookie).toContain("; secure")
          expect(cookie).toContain("; httponly")
          expect(cookie).toContain(`path=${prefix}/oauth/`)
        }
        const cookie = cookies.map((each) => each.split(";", 1)[0]).join("; ")
        const page = to.pathname.slice(prefix.length)
        expect((yield* get(page, { headers: { cookie } })).status).toBe(200)
        // The page's own origin, which differs from the scheme of the listener.
        const body = new URLSearchParams({ decision: "sign-in", account: "alice", password: "wrong" })
        const answer = yield* get(page, { method: "POST", body, headers: { cookie, origin } })
        expect(answer.status).toBe(401)
      }
    })
  )
}
