/** The page of an account: its scopes, its applications, disconnecting one, and its own sign-in and sign-out. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { onEachDatabase, sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, password, tokensOf, withAlice } from "../support/oauth.ts"
import { initialize, post } from "../support/service.ts"

const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const grantsOf = (text: string) =>
  [...text.matchAll(/name="grant" value="([\w-]+)"/g)].map(([, id]) => id ?? "")

onEachDatabase("the page of an account", (database) => {
  it.live("shows scopes and applications, and disconnects one of them at once", () =>
    Effect.gen(function* () {
      const { accounts, base } = yield* withAlice(database)
      yield* accounts.add({ name: "bob", password, scopes: ["read", "call"] })
      const browser = new Browser()
      const { access_token: token, refresh_token, client_id } = yield* tokensOf(base, { browser })
      const others = yield* tokensOf(base, { browser: new Browser("bob") })
      const page = new URL("/oauth/account", base)
      const open = () => Effect.promise(() => browser.open(page))
      // Signed in by the sign-in for the application.
      const shown = yield* open()
      expect(shown.text).toContain("<h1>alice</h1>")
      for (const text of ["mcp:admin", "Test client", "mcp:read mcp:call"]) expect(shown.text).toContain(text)
      const [grant = ""] = grantsOf(shown.text)
      expect(grantsOf(shown.text)).toHaveLength(1)

      const send = (form: Record<string, string>) => Effect.promise(() => browser.post(page, form))
      const status = (given: string) =>
        Effect.map(post(new URL("/mcp", base), initialize(), bearer(given)), (response) => response.status)
      const foreign = new Browser("bob")
      yield* Effect.promise(() => foreign.post(page, { decision: "sign-in", account: "bob", password }))
      // Not a grant of bob.
      yield* Effect.promise(() => foreign.post(page, { decision: "disconnect", grant }))
      expect(yield* status(token)).toBe(200)
      expect((yield* send({ decision: "disconnect", grant })).status).toBe(303)
      expect(yield* status(token)).toBe(401)
      expect(yield* status(others.access_token)).toBe(200)
      const refreshed = yield* Effect.promise(() =>
        fetch(`${base}/oauth/token`, {
          method: "POST",
          body: new URLSearchParams({ grant_type: "refresh_token", refresh_token, client_id })
        })
      )
      expect(refreshed.status).toBe(400)
      expect((yield* open()).text).toContain("No application has access.")
    })
  )
})

it.live("a person signs in and out on the page itself, with a new session cookie", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, {
      auth: { oauth: { sign_ins_per_account: { max: 2 } } }
    })
    const browser = new Browser()
    const page = new URL("/oauth/account", base)
    const open = Effect.promise(() => browser.open(page))
    const send = (form: Record<string, string>) => Effect.promise(() => browser.post(page, form))
    expect((yield* open).text).toContain('name="password"')
    const wrong = yield* send({ decision: "sign-in", account: "alice", password: "not the password" })
    expect([wrong.status, wrong.headers.getSetCookie()]).toEqual([401, []])
    expect(yield* Effect.promise(() => wrong.text())).toContain("The account or the password is wrong.")
    const right = yield* send({ decision: "sign-in", account: "alice", password })
    expect([right.status, right.headers.get("location")]).toEqual([303, page.href])
    const cookies = right.headers.getSetCookie()
    expect(cookies.length).toBe(2)
    for (const cookie of cookies) expect(cookie).toMatch(/path=\/oauth;.*expires=.*samesite=lax; httponly/i)
    expect((yield* open).text).toContain("<h1>alice</h1>")
    // The same session as for applications: no further sign-in.
    yield* tokensOf(base, { browser })
    expect(browser.pages).toEqual(["Connect Test client to manifold"])
    const out = yield* send({ decision: "sign-out" })
    expect(out.status).toBe(303)
    expect((yield* open).text).toContain('name="password"')
    const stolen = cookies.map((each) => each.split(";", 1)[0]).join("; ")
    const replayed = yield* Effect.promise(() => fetch(page, { headers: { cookie: stolen } }))
    expect(yield* Effect.promise(() => replayed.text())).toContain('name="password"')

    for (const headers of [{ "sec-fetch-site": "cross-site" }, { origin: "https://evil.example" }]) {
      const body = new URLSearchParams({ decision: "sign-in", account: "alice", password })
      const response = yield* Effect.promise(() => fetch(page, { method: "POST", body, headers }))
      expect(response.status).toBe(403)
    }
    // Failed sign-ins are throttled here as well.
    const attempt = (given: string) =>
      Effect.map(send({ decision: "sign-in", account: "alice", password: given }), ({ status }) => status)
    expect([yield* attempt("wrong"), yield* attempt("wrong"), yield* attempt(password)]).toEqual([
      401, 401, 429
    ])
  })
)
