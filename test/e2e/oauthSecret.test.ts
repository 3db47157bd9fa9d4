/** Instances that share a database and `auth.oauth.secret`, without a common state folder; and the change from key files to it. */
import { expect } from "bun:test"
import { Effect, type Scope } from "effect"
import { itPostgres, onEachDatabase, postgres, sqlite, stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, manualClient, oauthService, password } from "../support/oauth.ts"
import { initialize, post } from "../support/service.ts"
import { manifold } from "../support/stdio.ts"
import { home } from "../support/userHome.ts"

const secret = "0123456789abcdef0123456789abcdef"
const configured = (text = secret) => ({ auth: { oauth: { secret: text } } })

const json = (url: string, init?: RequestInit) =>
  Effect.promise(async () => {
    const response = await fetch(url, init)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  })

/** A client with a secret, which is stored encrypted. */
const confidential = (base: string) =>
  Effect.map(
    json(`${base}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        redirect_uris: ["https://client.example/callback"],
        token_endpoint_auth_method: "client_secret_basic"
      })
    }),
    ({ body }) => `Basic ${btoa(`${String(body["client_id"])}:${String(body["client_secret"])}`)}`
  )

/** 401: the client is unknown, or its secret cannot be read. */
const authenticates = (url: string, authorization: string) =>
  Effect.map(
    json(`${url}/oauth/introspect`, {
      method: "POST",
      headers: { authorization },
      body: new URLSearchParams({ token: "unknown" })
    }),
    ({ status }) => status
  )

itPostgres.live("two instances with their own state folders share sessions, codes, clients and keys", () =>
  Effect.gen(function* () {
    const { postgres_url } = yield* postgres
    const one = yield* oauthService({ dir: yield* stateFolder, postgres_url }, configured())
    const two = yield* oauthService({ dir: yield* stateFolder, postgres_url }, configured(), one.base)
    yield* one.accounts.add({ name: "alice", password, scopes: ["read", "call"] })
    const keys = yield* json(`${one.url}/oauth/jwks`)
    expect(yield* json(`${two.url}/oauth/jwks`)).toEqual(keys)

    const { authorizeUrl, clientId, verifier } = yield* manualClient(one.base)
    /** Requests of the browser, each to the other instance than the one before. */
    let turn = 0
    const balanced = (to: string | URL, init?: RequestInit) => {
      const { pathname, search } = new URL(to)
      return fetch(new URL(pathname + search, turn++ % 2 === 0 ? one.url : two.url), init)
    }
    const browser = new Browser("alice", callback, balanced)
    const back = yield* Effect.promise(() => browser.authorize(authorizeUrl))
    expect(browser.pages).toHaveLength(2)
    const { body } = yield* json(`${two.url}/oauth/token`, {
      method: "POST",
      body: new URLSearchParams({
        grant_type: "authorization_code",
        code: back.searchParams.get("code") ?? "",
        code_verifier: verifier,
        client_id: clientId,
        redirect_uri: callback
      })
    })
    const authorization = `Bearer ${String(body["access_token"])}`
    for (const { url } of [one, two]) {
      expect((yield* post(new URL("/mcp", url), initialize(), { authorization })).status).toBe(200)
    }
    // The browser is signed in at both: the cookie's signature is known.
    browser.pages.length = 0
    yield* Effect.promise(() => browser.authorize(authorizeUrl))
    expect(browser.pages).not.toContain("Sign in to manifold")
    const client = yield* confidential(one.url)
    for (const { url } of [one, two]) expect(yield* authenticates(url, client)).toBe(200)
  })
)

onEachDatabase("a secret instead of a key file", (database) => {
  it.live("keys and clients are taken over, and are then unreadable without the secret", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const elsewhere = { ...storage, dir: yield* stateFolder }
      const scoped = <A, E>(use: Effect.Effect<A, E, Scope.Scope>) => Effect.scoped(use)
      const keysOf = (url: string) => json(`${url}/oauth/jwks`)

      const { client, keys } = yield* scoped(
        Effect.gen(function* () {
          const { url } = yield* oauthService(storage)
          return { client: yield* confidential(url), keys: yield* keysOf(url) }
        })
      )
      expect(keys.status).toBe(200)
      // The second start finds nothing to change.
      for (let start = 0; start < 2; start++) {
        yield* scoped(
          Effect.gen(function* () {
            const { url } = yield* oauthService(storage, configured())
            expect(yield* keysOf(url)).toEqual(keys)
            expect(yield* authenticates(url, client)).toBe(200)
          })
        )
      }
      for (const [settings, at] of [
        [{}, storage],
        [configured("another 0123456789abcdef0123456789"), storage]
      ] as const) {
        yield* scoped(
          Effect.gen(function* () {
            const { url } = yield* oauthService(at, settings)
            expect((yield* keysOf(url)).status).toBe(503)
          })
        )
      }
      if (storage.postgres_url === undefined) return
      yield* scoped(
        Effect.gen(function* () {
          const { url } = yield* oauthService(elsewhere, configured())
          expect(yield* keysOf(url)).toEqual(keys)
          expect(yield* authenticates(url, client)).toBe(200)
        })
      )
    })
  )
})

it.live(
  "manifold doctor reports keys that this instance cannot read",
  () =>
    Effect.gen(function* () {
      const storage = yield* sqlite
      const doctor = Effect.fnUntraced(function* (config: Readonly<Record<string, unknown>>) {
        const { dir, env } = yield* home({
          ".config/manifold/manifold.yaml": JSON.stringify({ storage, ...config })
        })
        const { stdout } = yield* manifold(["doctor"], { cwd: dir, env: { ...env, PORT: "0" } })
        return stdout.split("\n").find((line) => line.includes("oauth keys"))
      })
      expect(yield* doctor({})).toMatch(/^ok .*no keys of the OAuth server/)
      yield* Effect.scoped(
        Effect.flatMap(oauthService(storage, configured()), ({ url }) => json(`${url}/oauth/jwks`))
      )
      expect(yield* doctor(configured())).toMatch(/^ok .*can be read/)
      expect(yield* doctor({})).toMatch(/^warn .*auth\.oauth\.secret/)
    }),
  30_000
)
