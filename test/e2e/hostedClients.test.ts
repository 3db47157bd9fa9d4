/** Hosted clients that misbehave, and requests to the OAuth server that it must reject. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, form, manualClient, SdkClient, tokensOf, withAlice } from "../support/oauth.ts"
import { initialize, post } from "../support/service.ts"

const register = (base: string, body: unknown, headers: Record<string, string> = {}) =>
  Effect.promise(async () => {
    const response = await fetch(`${base}/oauth/register`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: typeof body === "string" ? body : JSON.stringify(body)
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: JSON.parse(text) }
  })

const usual = new SdkClient().clientMetadata

it.live(
  "the same metadata gives the same client, in any order; a client with a secret is new each time",
  () =>
    Effect.gen(function* () {
      const { base } = yield* withAlice(sqlite)
      const first = yield* register(base, usual)
      expect(first.status).toBe(201)
      const again = yield* register(base, {
        ...Object.fromEntries(Object.entries(usual).toReversed()),
        grant_types: ["refresh_token", "authorization_code"],
        software_id: "ignored"
      })
      expect(again.body.client_id).toBe(first.body.client_id)
      expect(first.body).not.toHaveProperty("registration_access_token")
      const other = yield* register(base, { ...usual, client_name: "Another" })
      expect(other.body.client_id).not.toBe(first.body.client_id)
      const secret = { ...usual, token_endpoint_auth_method: "client_secret_post" }
      const [one, two] = [yield* register(base, secret), yield* register(base, secret)]
      expect(one.body.client_secret).toMatch(/.{32}/)
      expect(two.body.client_id).not.toBe(one.body.client_id)
      expect(two.body.client_secret).not.toBe(one.body.client_secret)
    })
)

it.live("registrations are limited in size, in number and per address", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, {
      auth: { oauth: { max_clients: 3, registrations: { max: 40 } } }
    })
    const many = Array.from({ length: 1000 }, (_, index) => `https://client.example/${index}`)
    expect((yield* register(base, { ...usual, redirect_uris: many })).status).toBe(400)
    expect((yield* register(base, { ...usual, client_name: "n".repeat(2_000_000) })).status).toBe(413)
    for (const body of ["", "null", "[]", "{", '{"redirect_uris":"x"}', { ...usual, redirect_uris: [] }]) {
      expect((yield* register(base, body)).body.error).toBe("invalid_client_metadata")
    }
    for (const uri of [
      "http://client.example/callback",
      "javascript:alert(1)",
      "data:text/html,x",
      "https://client.example/#fragment",
      "not a uri",
      "file:///etc/passwd"
    ]) {
      const { body, status } = yield* register(base, { ...usual, redirect_uris: [uri] })
      expect([uri, status]).toEqual([uri, 400])
      expect(body.error).toStartWith("invalid_")
    }
    const { authorizeUrl, clientId } = yield* manualClient(base)
    yield* Effect.promise(() => new Browser().authorize(authorizeUrl))
    for (const name of ["a", "b", "c", "d"]) {
      expect((yield* register(base, { ...usual, client_name: name })).status).toBe(201)
    }
    // The client with a grant stays.
    const page = yield* Effect.promise(() => new Browser().open(authorizeUrl))
    expect(page.response.status).toBe(200)
    expect(clientId).toMatch(/^[\w-]{32}$/)
    const statuses: Array<number> = []
    for (let count = 0; count < 40; count++) statuses.push((yield* register(base, usual)).status)
    expect(statuses.at(-1)).toBe(429)
  })
)

it.live("a repeated sign-in or consent continues, and explains itself once its time has passed", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const redirect = "https://client.example/callback"
    const { authorizeUrl } = yield* manualClient(
      base,
      { redirect_uri: redirect },
      { redirect_uris: [redirect] }
    )
    const browser = new Browser()
    yield* Effect.promise(async () => {
      const signIn = await browser.open(authorizeUrl)
      expect(signIn.text).toContain("Sign in to manifold")
      expect(signIn.response.headers.get("content-security-policy")).toContain(
        `form-action 'self' https://client.example`
      )
      const toConsent = await browser.answer(signIn.url, signIn.text)
      const consent = await browser.open(new URL(toConsent.headers.get("location") ?? ""))
      expect(consent.text).toContain("Connect <strong>Test client</strong>")
      expect(consent.text).toContain("client.example")
      expect(consent.text).toContain("mcp:call")
      // Two clicks: both responses resume the request.
      const [first, second] = await Promise.all([
        browser.answer(consent.url, consent.text),
        browser.answer(consent.url, consent.text)
      ])
      expect([first.status, second.status]).toEqual([303, 303])
      const resume = new URL(first.headers.get("location") ?? "")
      const back = await browser.fetch(resume)
      const code = new URL(back.headers.get("location") ?? "").searchParams.get("code")
      expect(code).toMatch(/^[\w-]{43}$/)
      // The page again, the form again, and the request to resume again: each gives another code without a question.
      const codes = new Set([code])
      for (const repeat of [
        () => browser.fetch(consent.url),
        () => browser.answer(consent.url, consent.text),
        () => browser.fetch(resume)
      ]) {
        const restarted = await repeat()
        expect(restarted.status).toBe(303)
        const again = await browser.fetch(new URL(restarted.headers.get("location") ?? ""))
        codes.add(new URL(again.headers.get("location") ?? "").searchParams.get("code"))
      }
      expect(codes.size).toBe(4)
      expect(codes).not.toContain(null)
      // The authorization URL again.
      const reopened = await browser.fetch(authorizeUrl)
      expect(new URL(reopened.headers.get("location") ?? "").origin).toBe("https://client.example")
      // Another browser.
      const stranger = await new Browser().fetch(new URL("/oauth/interaction/unknown", base))
      expect(stranger.status).toBe(400)
      expect(await stranger.text()).toContain("Go back to the application and connect it again")
    })
  })
)

it.live("a code exchange that is repeated is rejected, and the tokens of the first one stay valid", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { authorizeUrl, clientId, verifier } = yield* manualClient(base)
    const back = yield* Effect.promise(() => new Browser().authorize(authorizeUrl))
    const body = {
      grant_type: "authorization_code",
      code: back.searchParams.get("code") ?? "",
      code_verifier: verifier,
      client_id: clientId,
      redirect_uri: callback
    }
    const wrong = yield* form(`${base}/oauth/token`, { ...body, code_verifier: "w".repeat(50) })
    expect([wrong.status, wrong.body.error]).toEqual([400, "invalid_grant"])
    const first = yield* form(`${base}/oauth/token`, body)
    expect(first.status).toBe(200)
    const second = yield* form(`${base}/oauth/token`, body)
    expect([second.status, second.body.error]).toEqual([400, "invalid_grant"])
    const headers = { authorization: `Bearer ${first.body.access_token}` }
    expect((yield* post(new URL("/mcp", base), initialize(), headers)).status).toBe(200)
  })
)

it.live("PKCE with S256 is required, and only registered redirects and own resources are accepted", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const answer = (extra: Record<string, string>, drop: ReadonlyArray<string> = []) =>
      Effect.flatMap(manualClient(base, extra), ({ authorizeUrl }) =>
        Effect.promise(async () => {
          for (const name of drop) authorizeUrl.searchParams.delete(name)
          const response = await new Browser().fetch(authorizeUrl)
          const location = response.headers.get("location")
          return {
            status: response.status,
            error: location === null ? undefined : /[?&#]error=([a-z_]+)/.exec(location)?.[1]
          }
        })
      )
    expect((yield* answer({}, ["code_challenge", "code_challenge_method"])).error).toBe("invalid_request")
    expect((yield* answer({ code_challenge_method: "plain" })).error).toBe("invalid_request")
    expect((yield* answer({ resource: "https://other.example/mcp" })).error).toBe("invalid_target")
    expect((yield* answer({ resource: `${base}/mcp/child` })).error).toBe("invalid_target")
    for (const redirect_uri of [
      "https://evil.example/",
      "javascript:alert(1)",
      `${callback}#x`,
      `${callback}/x`
    ]) {
      const { error, status } = yield* answer({ redirect_uri })
      expect([redirect_uri, status, error]).toEqual([redirect_uri, 400, undefined])
    }
    expect((yield* answer({ response_type: "token" })).error).toBe("unsupported_response_type")
    // Scopes that do not exist are ignored, and a resource may end with a slash.
    const lenient = yield* tokensOf(base, { scope: "claudeai" })
    expect(lenient.scope).toBe("mcp:read mcp:call")
  })
)

it.live("an interaction needs its cookie, and a form of the same site", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const { authorizeUrl } = yield* manualClient(base)
    const browser = new Browser()
    yield* Effect.promise(async () => {
      const page = await browser.open(authorizeUrl)
      const without = await new Browser().answer(page.url, page.text)
      expect(without.status).toBe(400)
      const foreign = await browser.fetch(page.url, {
        method: "POST",
        body: new URLSearchParams({ decision: "allow" }),
        headers: { "sec-fetch-site": "cross-site" }
      })
      expect(foreign.status).toBe(403)
      const origin = await browser.fetch(page.url, {
        method: "POST",
        body: new URLSearchParams({ decision: "allow" }),
        headers: { origin: "https://evil.example" }
      })
      expect(origin.status).toBe(403)
      expect((await browser.fetch(page.url)).status).toBe(200)
      const denied = await browser.post(page.url, { decision: "deny" })
      const back = await browser.open(new URL(denied.headers.get("location") ?? ""))
      expect(back.url.searchParams.get("error")).toBe("access_denied")
      expect(back.url.searchParams.get("iss")).toBe(base)
    })
  })
)

it.live("failed sign-ins are throttled per account, also with the right password", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite, { auth: { oauth: { sign_ins_per_account: { max: 2 } } } })
    const { authorizeUrl } = yield* manualClient(base)
    const browser = new Browser()
    yield* Effect.promise(async () => {
      const { text, url } = await browser.open(authorizeUrl)
      const attempt = (account: string) =>
        browser.post(url, { decision: "sign-in", account, password: "wrong password" })
      for (const account of ["alice", "ALICE"]) {
        const wrong = await attempt(account)
        expect(wrong.status).toBe(401)
        expect(await wrong.text()).toContain('<p role="alert">The account or the password is wrong.</p>')
      }
      const limited = await browser.answer(url, text)
      expect(limited.status).toBe(429)
      expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0)
      expect((await attempt("unknown")).status).toBe(401)
    })
  })
)

it.live("text of a client is shown as text", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    const client_name = `<img src=x onerror=alert(1)>"'&\u202e\n`
    const { authorizeUrl } = yield* manualClient(base, {}, { client_name })
    const page = yield* Effect.promise(() => new Browser().open(authorizeUrl))
    expect(page.text).toContain("&lt;img src=x onerror=alert(1)&gt;")
    expect(page.text).not.toContain("<img")
    expect(page.text).not.toContain("\u202e")
    expect(page.text).not.toContain("<script")
  })
)

it.live("a client metadata document at a private address is not requested", () =>
  Effect.gen(function* () {
    const { base } = yield* withAlice(sqlite)
    let requests = 0
    const inside = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => {
        requests++
        return new Response("{}")
      }
    })
    yield* Effect.addFinalizer(() => Effect.promise(() => inside.stop(true)))
    for (const client_id of [
      `https://127.0.0.1:${inside.port}/client.json`,
      `https://localhost:${inside.port}/client.json`,
      "https://169.254.169.254/client.json"
    ]) {
      const { authorizeUrl } = yield* manualClient(base, { client_id })
      const response = yield* Effect.promise(() => new Browser().fetch(authorizeUrl))
      expect(response.status).toBe(400)
      expect(response.headers.get("location")).toBeNull()
    }
    expect(requests).toBe(0)
  })
)
