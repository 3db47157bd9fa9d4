/** Sign-in of a browser at a protected application: redirects, cookies, attacks on the callback, and the end of a session. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, password, withAlice } from "../support/oauth.ts"
import { backend, publish } from "../support/proxies.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const app = "https://app.example.com"
const callback = `${app}/.well-known/manifold/signed-in`

/** A service behind a proxy that serves HTTPS, a protected application, and browsers. */
const protectedApplication = Effect.fnUntraced(function* (scope = "read") {
  const target = yield* backend(() => new Response("secret page"))
  const { accounts, base, running } = yield* withAlice(sqlite, { server: { trusted_proxies: ["127.0.0.1"] } })
  yield* Effect.provideContext(
    publish({ hostname: "app.example.com", target_url: target.url, protect: scope }),
    running
  )
  const send = (url: string | URL, init: RequestInit = {}) => {
    const { host, origin, pathname, search } = new URL(url)
    if (origin !== app) return fetch(url, init)
    const headers = new Headers(init.headers)
    headers.set("host", host)
    headers.set("x-forwarded-proto", "https")
    return fetch(`${base}${pathname}${search}`, { redirect: "manual", ...init, headers })
  }
  const browser = (name = "alice") => new Browser(name, "none:", send)
  return { accounts, base, browser, running, send, target }
})

/** Signs in and allows the application. */
const signIn = async (browser: Browser, path: string) => {
  let page = await browser.open(new URL(path, app))
  for (let count = 0; count < 4 && page.url.pathname.includes("/oauth/interaction/"); count++) {
    const answered = await browser.answer(page.url, page.text)
    page = await browser.open(new URL(answered.headers.get("location") ?? "", page.url))
  }
  return page
}

it.live("a browser signs in once, and the application sees its user, but neither cookie nor token", () =>
  Effect.gen(function* () {
    const { base, browser, send, target } = yield* protectedApplication()
    const alice = browser()
    const first = yield* wait(alice.fetch(new URL("/page?a=1", app)))
    const authorize = new URL(first.headers.get("location") ?? "")
    expect([first.status, authorize.origin, authorize.pathname]).toEqual([302, base, "/oauth/authorize"])
    expect(Object.fromEntries(authorize.searchParams)).toMatchObject({
      response_type: "code",
      redirect_uri: callback,
      scope: "mcp:read",
      code_challenge_method: "S256"
    })
    expect(first.headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-manifold-flow=[\w-]+; Path=\/; Max-Age=600; HttpOnly; Secure; SameSite=Lax$/
      )
    ])
    const page = yield* wait(signIn(alice, "/page?a=1"))
    expect([page.url.href, page.text]).toEqual([`${app}/page?a=1`, "secret page"])
    expect(target.requests).toHaveLength(1)
    expect(target.requests[0]).toMatchObject({ path: "/page?a=1", headers: { "remote-user": "alice" } })
    expect(target.requests[0]?.headers["cookie"] ?? "").not.toContain("manifold-session")

    // Requests of scripts have the cookie as well; without it they are not redirected.
    const script = yield* wait(
      alice.fetch(new URL("/data", app), { headers: { accept: "application/json" } })
    )
    expect(script.status).toBe(200)
    expect((yield* wait(send(new URL("/data", app)))).status).toBe(401)
    expect(
      (yield* wait(send(new URL("/page", app), { method: "POST", headers: { accept: "text/html" } }))).status
    ).toBe(401)

    const out = yield* wait(alice.fetch(new URL("/.well-known/manifold/sign-out", app)))
    expect([out.status, out.headers.getSetCookie()[0]]).toEqual([
      200,
      expect.stringContaining("__Host-manifold-session=; Path=/; Max-Age=0")
    ])
    expect(target.requests.some(({ path }) => path.startsWith("/.well-known/manifold"))).toBe(false)
  })
)

/** The page of an authorization request after the sign-in. `change` replaces parameters of the one of the application. */
const consentTo = async (
  { base, browser }: Effect.Success<ReturnType<typeof protectedApplication>>,
  change: Readonly<Record<string, string>> = {},
  account = "alice"
) => {
  const user = browser(account)
  const first = await user.fetch(new URL("/", app))
  const url = new URL(first.headers.get("location") ?? "")
  for (const [name, value] of Object.entries(change)) url.searchParams.set(name, value)
  const signing = await user.open(url)
  const answered = await user.answer(signing.url, signing.text)
  const { text } = await user.open(new URL(answered.headers.get("location") ?? "", base))
  return { signing: signing.text, consent: text }
}

it.live(
  "the pages of the sign-in say that the application was published, what it learns and where to sign out",
  () =>
    Effect.gen(function* () {
      const service = yield* protectedApplication()
      const { consent, signing } = yield* wait(consentTo(service))
      expect(signing).toContain("Sign in to open <strong>app.example.com</strong>")
      expect(consent).toContain("learns the name of your account, <strong>alice</strong>")
      expect(consent).toContain(`href="${app}/.well-known/manifold/sign-out"`)
      expect(consent).toContain(`href="${service.base}/oauth/account"`)
      for (const page of [signing, consent]) {
        expect(page).toContain("An administrator of")
        expect(page).not.toMatch(/verified|See tools/)
      }
      const administrators = yield* protectedApplication("admin")
      yield* administrators.accounts.add({ name: "bob", password, scopes: ["read"] })
      const required = yield* wait(consentTo(administrators, {}, "bob"))
      expect(required.consent).toContain("You cannot open it with this account")
    })
)

it.live(
  "another client that returns to an application, or has its name, is not shown as the application",
  () =>
    Effect.gen(function* () {
      const service = yield* protectedApplication()
      yield* Effect.provideContext(
        publish({ hostname: "open.example.com", target_url: service.target.url }),
        service.running
      )
      const register = async (redirect: string) => {
        const response = await fetch(`${service.base}/oauth/register`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({
            client_name: "app.example.com",
            redirect_uris: [redirect],
            grant_types: ["authorization_code"],
            response_types: ["code"],
            token_endpoint_auth_method: "none"
          })
        })
        const { client_id } = (await response.json()) as { client_id: string }
        return { client_id, redirect_uri: redirect }
      }
      const open = "https://open.example.com"
      for (const change of [
        { resource: `${service.base}/mcp` },
        yield* wait(register("https://evil.example/.well-known/manifold/signed-in")),
        yield* wait(register(`${app}/page`)),
        { ...(yield* wait(register(`${open}/.well-known/manifold/signed-in`))), resource: open }
      ]) {
        const { consent } = yield* wait(consentTo(service, change))
        expect([change, consent]).toEqual([change, expect.stringContaining("Its name was not verified.")])
        expect(consent).not.toContain("An administrator of")
      }
    })
)

it.live("an account without the scope gets 403, and one that is removed is signed out", () =>
  Effect.gen(function* () {
    const { browser, target } = yield* protectedApplication("team:blue")
    const page = yield* wait(signIn(browser(), "/"))
    expect([page.response.status, target.requests]).toEqual([403, []])

    const other = yield* protectedApplication()
    const alice = other.browser()
    expect((yield* wait(signIn(alice, "/"))).text).toBe("secret page")
    yield* other.accounts.remove("alice")
    const status = () => wait(alice.fetch(new URL("/", app)).then((response) => response.status))
    let after = yield* status()
    const seen = new Set<number>()
    while (after !== 302 && seen.size < 3) {
      seen.add(after)
      after = yield* status()
    }
    expect(after).toBe(302)
    // The request that runs meanwhile ends with 401.
    expect([...seen].filter((code) => code !== 200 && code !== 401)).toEqual([])
  })
)

it.live("a callback with a foreign state, issuer or cookie starts no session", () =>
  Effect.gen(function* () {
    const { base, browser, send, target } = yield* protectedApplication()
    const alice = browser()
    const first = yield* wait(alice.fetch(new URL("/", app)))
    const state = new URL(first.headers.get("location") ?? "").searchParams.get("state") ?? ""
    const iss = encodeURIComponent(base)
    for (const query of [
      "",
      `?code=x&state=wrong&iss=${iss}`,
      `?code=x&state=${state}`,
      `?code=x&state=${state}&iss=https%3A%2F%2Fevil.example`,
      `?error=access_denied&state=${state}&iss=${iss}`,
      `?code=invented&state=${state}&iss=${iss}`
    ]) {
      const response = yield* wait(alice.fetch(new URL(`${callback}${query}`)))
      expect([query, response.status, response.headers.getSetCookie()]).toEqual([query, 400, []])
    }
    // The cookie of another host, and one that was changed.
    const cookie = first.headers.getSetCookie()[0]?.split(";")[0] ?? ""
    for (const value of [cookie.replace("flow=", "session="), `${cookie}x`, "__Host-manifold-session=AAAA"]) {
      const response = yield* wait(send(new URL("/", app), { headers: { cookie: value } }))
      expect([value.slice(0, 24), response.status]).toEqual([value.slice(0, 24), 401])
    }
    expect(target.requests).toEqual([])
  })
)

it.live("behind a trusted proxy, the limit of registrations counts each client", () =>
  Effect.gen(function* () {
    const target = yield* backend(() => new Response("secret page"))
    const { base, running } = yield* withAlice(sqlite, {
      server: { trusted_proxies: ["127.0.0.1"] },
      auth: { oauth: { registrations: { max: 1, window: "1 hour" } } }
    })
    yield* Effect.provideContext(
      publish({ hostname: "*.example.com", target_url: target.url, protect: "read" }),
      running
    )
    // Each host is another client of the OAuth server.
    const visit = (host: string, client: string) =>
      wait(
        fetch(`${base}/`, {
          redirect: "manual",
          headers: { host, accept: "text/html", "x-forwarded-proto": "https", "x-forwarded-for": client }
        }).then(({ status }) => status)
      )
    expect(yield* visit("one.example.com", "203.0.113.1")).toBe(302)
    expect(yield* visit("two.example.com", "203.0.113.1")).toBe(401)
    expect(yield* visit("three.example.com", "203.0.113.2")).toBe(302)
  })
)
