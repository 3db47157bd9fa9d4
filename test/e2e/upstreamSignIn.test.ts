/** Sign-in at upstream servers: a real authorization server, a scripted browser, renewal, revocation and what is stored. */
import { describe, expect } from "bun:test"
import { readdir, readFile, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Deferred, Effect, Exit, Scope } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { anonymousLoopback } from "../../src/domain/Principal.ts"
import * as Service from "../../src/program/httpService.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { storedRows } from "../support/audit.ts"
import { newClients } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { browse, machineClient, protectedServer } from "../support/protectedServer.ts"
import { endpoint, post, readJson, service, serviceOf, stateFolder, stateless } from "../support/service.ts"

const upstream = Effect.map(Upstreams, ({ served }) => served().get("own")).pipe(
  Effect.flatMap(Effect.fromNullishOr),
  Effect.orDie
)

const stateOf = Effect.flatMap(upstream, ({ summary }) => Effect.map(summary, ({ state }) => state))

/** Waits until the server was reached, or needs a sign-in. */
const settled = Effect.flatMap(upstream, ({ connection }) => Effect.exit(connection))

const signInUrl = Effect.gen(function* () {
  const { account } = yield* upstream
  const { url } = yield* (yield* Effect.orDie(Effect.fromNullishOr(account))).signIn()
  return url
})

/** The URL at the callback, to which the authorization server sends the browser. */
const callbackOf = Effect.fnUntraced(function* (url: string, account = "alice") {
  const { url: base } = yield* Listener
  const { port } = new URL(base)
  return yield* Effect.promise(() => browse(url, account, `http://127.0.0.1:${port}/callback`))
})

const open = (url: URL) =>
  Effect.promise(async () => {
    const response = await fetch(url)
    return { status: response.status, headers: response.headers, text: await response.text() }
  })

const signIn = Effect.fnUntraced(function* (account = "alice") {
  const page = yield* open(yield* callbackOf(yield* signInUrl, account))
  expect(page.text).toContain("You are signed in to own.")
  expect(page.status).toBe(200)
  const { connection } = yield* upstream
  yield* connection
  return page
})

const mcp = Effect.fnUntraced(function* (
  method: string,
  params: Record<string, unknown> = {},
  credential: Record<string, string> = {}
) {
  const { body, headers } = stateless(1, method, params)
  const { error, result } = yield* readJson(yield* post(yield* endpoint, body, { ...headers, ...credential }))
  return { error, result: Object(result) as Readonly<Record<string, unknown>> }
})

const tools = Effect.map(mcp("tools/list"), ({ result }) =>
  (result["tools"] as ReadonlyArray<{ readonly name: string }>)
    .map(({ name }) => name)
    .filter((name) => name.startsWith("own__"))
)

const whoami = Effect.map(
  mcp("tools/call", { name: "own__whoami" }),
  ({ error, result }) => error ?? result["content"]
)

const alice = [{ type: "text", text: "alice" }]

/** The value of a metric of the server; it must be there. */
const metric = Effect.fnUntraced(function* (name: string, token: string) {
  const page = new URL("/metrics", (yield* Listener).url)
  const text = yield* Effect.promise(() =>
    fetch(page, { headers: { authorization: `Bearer ${token}` } }).then((response) => response.text())
  )
  const [, value] = new RegExp(`^${name}\\{upstream="own"\\} (\\S+)$`, "m").exec(text) ?? []
  if (value === undefined) throw new Error(`no metric ${name} in: ${text.slice(0, 500)}`)
  return Number(value)
})

const withServer = <A, E, R>(
  body: (server: Effect.Success<ReturnType<typeof protectedServer>>) => Effect.Effect<A, E, R>,
  settings: object = {},
  options: Parameters<typeof protectedServer>[0] = {}
) =>
  Effect.gen(function* () {
    const server = yield* protectedServer(options)
    return yield* body(server).pipe(
      Effect.provide(service({ mcpServers: { own: { url: server.url, ...settings } } }))
    )
  })

/** A call that fails because a user must sign in. */
const rejectedCall = Effect.map(whoami, (found) => JSON.stringify(found))

describe("sign-in", () => {
  it.live("a server that requires it is unauthorized until a user has signed in", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        expect(yield* stateOf).toBe("unauthorized")
        expect(yield* tools).toEqual(["own__sign_in"])
        const page = yield* signIn()
        expect(page.headers.get("content-security-policy")).toContain("default-src 'none'")
        expect(page.text).not.toContain("<script")
        expect(yield* tools).toEqual(["own__of_alice", "own__whoami", "own__write"])
        expect(yield* whoami).toEqual(alice)
        yield* (yield* Audit).flush
        const rows = (yield* storedRows).filter(({ action }) => action === "upstream.login")
        expect(rows).toMatchObject([{ source: "program", target: "own", outcome: "succeeded" }])
        expect(server.requests).toEqual({ authorization_code: 1 })
        expect(server.state.registrations).toBe(1)
      })
    )
  )

  it.live("a state is accepted once, and text of a request never appears on the page", () =>
    withServer(() =>
      Effect.gen(function* () {
        yield* settled
        const back = yield* callbackOf(yield* signInUrl)
        expect((yield* open(back)).status).toBe(200)
        const again = yield* open(back)
        expect(again.status).toBe(400)
        expect(again.text).toContain("already finished")
        const unknown = new URL(back)
        unknown.search = "?state=<b>x</b>&error=evil&error_description=<script>alert(1)</script>"
        const page = yield* open(unknown)
        expect(page.status).toBe(400)
        expect(page.text).not.toContain("script")
        expect(page.text).not.toContain("evil")
      })
    )
  )

  it.live(
    "a response with the issuer of another authorization server is rejected before its code is used",
    () =>
      withServer((server) =>
        Effect.gen(function* () {
          yield* settled
          const back = yield* callbackOf(yield* signInUrl)
          back.searchParams.set("iss", "https://other.example.com")
          expect((yield* open(back)).status).toBe(400)
          expect(server.requests).toEqual({})
          const without = yield* callbackOf(yield* signInUrl)
          without.searchParams.delete("iss")
          expect((yield* open(without)).status).toBe(400)
          expect(server.requests).toEqual({})
          yield* signIn()
          expect(yield* whoami).toEqual(alice)
        })
      )
  )

  it.live("concurrent requests for a sign-in get the same URL", () =>
    withServer(() =>
      Effect.gen(function* () {
        yield* settled
        const urls = yield* Effect.all([signInUrl, signInUrl, signInUrl], { concurrency: "unbounded" })
        expect(new Set(urls).size).toBe(1)
      })
    )
  )
})

describe("the user's client", () => {
  for (const [name, make] of [newClients[0], newClients[2]]) {
    it.live(
      `a call opens the page of the authorization server and continues after the sign-in (${name})`,
      () =>
        withServer((server) =>
          Effect.gen(function* () {
            yield* settled
            yield* signIn()
            yield* whoami
            yield* server.revoke(server.state.token)
            const { url: base } = yield* Listener
            const callback = `http://127.0.0.1:${new URL(base).port}/callback`
            const client = make({ capabilities: { elicitation: { form: {}, url: {} } } })
            client.setRequestHandler("elicitation/create", async ({ params }) => {
              const url = "url" in params ? String(params.url) : ""
              await fetch(await browse(url, "alice", callback))
              return { action: "accept" }
            })
            const transport = new StreamableHTTPClientTransport(yield* endpoint)
            yield* Effect.promise(() => client.connect(transport))
            const result = yield* Effect.promise(() =>
              client.callTool({ name: "own__whoami", arguments: {} })
            )
            expect(result.content as unknown).toEqual(alice)
            yield* Effect.promise(() => client.close())
          })
        )
    )
  }

  it.live("a declined page ends the call", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        yield* whoami
        yield* server.revoke(server.state.token)
        const client = newClients[0][1]({ capabilities: { elicitation: { form: {}, url: {} } } })
        client.setRequestHandler("elicitation/create", () => ({ action: "decline" }))
        const transport = new StreamableHTTPClientTransport(yield* endpoint)
        yield* Effect.promise(() => client.connect(transport))
        const result = yield* Effect.promise(() => client.callTool({ name: "own__whoami", arguments: {} }))
        expect(result.isError).toBe(true)
        expect(JSON.stringify(result.content)).toContain("did not sign in")
        yield* Effect.promise(() => client.close())
      })
    )
  )

  it.live("the tool sign_in returns the URL, and is gone after the sign-in", () =>
    withServer(() =>
      Effect.gen(function* () {
        yield* settled
        const { result } = yield* mcp("tools/call", { name: "own__sign_in" })
        const [url = ""] = /http:\S+/.exec(JSON.stringify(result["content"]).replaceAll('"', " ")) ?? []
        expect((yield* open(yield* callbackOf(url))).status).toBe(200)
        yield* settled
        expect(yield* tools).not.toContain("own__sign_in")
      })
    )
  )
})

describe("accounts of users", () => {
  const [one, two] = ["a".repeat(40), "b".repeat(40)]
  const named = (token: string) =>
    Effect.map(mcp("tools/list", {}, { authorization: `Bearer ${token}` }), ({ result }) =>
      (result["tools"] as ReadonlyArray<{ readonly name: string }>)
        .map(({ name }) => name)
        .filter((name) => name.startsWith("own__"))
    )
  const connect = Effect.fnUntraced(function* (account: string, token?: string) {
    const credential = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const { result } = yield* mcp("tools/call", { name: "own__sign_in" }, credential)
    const [url = ""] = /http:\S+/.exec(JSON.stringify(result["content"]).replaceAll('"', " ")) ?? []
    expect((yield* open(yield* callbackOf(url, account))).status).toBe(200)
  })

  it.live("each principal signs in for itself, and sees and calls its own tools", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      yield* Effect.gen(function* () {
        expect(yield* named(one)).toEqual(["own__sign_in"])
        yield* connect("alice", one)
        const changed = yield* Effect.repeat(named(one), { until: (names) => names.length > 1 })
        expect(changed).toEqual(["own__of_alice", "own__whoami", "own__write"])
        expect(yield* named(two)).toEqual(["own__sign_in"])
        yield* connect("bob", two)
        const others = yield* Effect.repeat(named(two), { until: (names) => names.length > 1 })
        expect(others).toEqual(["own__of_bob", "own__whoami", "own__write"])
        expect(yield* named(one)).toEqual(changed)
        for (const [token, account] of [
          [one, "alice"],
          [two, "bob"]
        ]) {
          const { result } = yield* mcp(
            "tools/call",
            { name: "own__whoami" },
            { authorization: `Bearer ${token}` }
          )
          expect(result["content"]).toEqual([{ type: "text", text: account }])
        }
        const { error } = yield* mcp(
          "tools/call",
          { name: "own__of_alice" },
          { authorization: `Bearer ${two}` }
        )
        expect(error).toMatchObject({ code: -32_602 })
        expect((yield* Quotas).connections.used).toBe(2)
        yield* (yield* Audit).flush
        const rows = (yield* storedRows).filter(({ action }) => action === "upstream.login")
        expect(rows.map(({ client, outcome, target }) => ({ client, outcome, target }))).toEqual([
          { client: "one", outcome: "succeeded", target: "own" },
          { client: "two", outcome: "succeeded", target: "own" }
        ])
      }).pipe(
        Effect.provide(
          service({
            mcpServers: { own: { url: server.url, credentials: "per_user" } },
            auth: {
              tokens: [
                { name: "one", token: one },
                { name: "two", token: two }
              ]
            }
          })
        )
      )
    })
  )

  it.live("an unused connection of a user is closed, and the next request opens it again", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      yield* Effect.gen(function* () {
        yield* mcp("tools/list")
        const catalog = yield* Catalog
        const [added, removed] = [yield* Deferred.make<void>(), yield* Deferred.make<void>()]
        const whoamiTool = catalog.tool(anonymousLoopback, "own__whoami")
        const runSync = Effect.runSyncWith(yield* Effect.context<never>())
        yield* catalog.watch(() => {
          const found = runSync(whoamiTool)
          if (found !== undefined) Deferred.doneUnsafe(added, Exit.void)
          else if (Deferred.isDoneUnsafe(added)) Deferred.doneUnsafe(removed, Exit.void)
        })
        yield* connect("alice")
        // On a slow machine the connection may be closed before its lists are read; a request opens it again.
        yield* Effect.raceFirst(Deferred.await(added), Effect.forever(mcp("tools/list")))
        yield* Deferred.await(removed)
        const { result } = yield* mcp("tools/call", { name: "own__whoami" })
        expect(result["content"]).toEqual(alice)
      }).pipe(
        Effect.provide(
          service({
            mcp: { connection: { idle_timeout: "200 millis" } },
            mcpServers: { own: { url: server.url, credentials: "per_user" } }
          })
        )
      )
    })
  )

  it.live("a request at the moment when an unused connection is closed finds the tools of the server", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      yield* Effect.gen(function* () {
        for (let wait = 0; wait < 40; wait++) {
          // Of up to 40 ms, around the idle time-out and its sweeps.
          yield* Effect.sleep(wait)
          const { error, result } = yield* mcp("tools/call", { name: "own__sign_in" })
          expect(error).toBeUndefined()
          expect(JSON.stringify(result)).toContain("sign in at own")
        }
      }).pipe(
        Effect.provide(
          service({
            mcp: { connection: { idle_timeout: "20 millis" } },
            mcpServers: { own: { url: server.url, credentials: "per_user" } }
          })
        )
      )
    })
  )

  it.live(
    "the lists of a principal are served after a restart before the server is reached, to that principal only",
    () =>
      Effect.gen(function* () {
        const dir = yield* stateFolder
        const scope = yield* Scope.make()
        const server = yield* Scope.provide(protectedServer(), scope)
        const layer = serviceOf(() =>
          ConfigSource.layerFrom({
            storage: { dir },
            logging: { level: "none" },
            mcp: { connection: { max_reconnect_attempts: 0 } },
            mcpServers: { own: { url: server.url, credentials: "per_user" } },
            auth: {
              tokens: [
                { name: "one", token: one },
                { name: "two", token: two }
              ]
            }
          })
        )
        yield* Effect.gen(function* () {
          yield* named(one)
          yield* connect("alice", one)
          yield* Effect.repeat(named(one), { until: (names) => names.length > 1 })
          const counted = metric("manifold_upstream_requests_total", one)
          // The lists were read with requests of the service itself; a call is counted.
          const before = yield* counted
          yield* mcp("tools/call", { name: "own__whoami" }, { authorization: `Bearer ${one}` })
          expect(yield* counted).toBe(before + 1)
          expect(yield* metric("manifold_upstream_ready", one)).toBe(1)
          expect(yield* metric("manifold_upstream_accounts", one)).toBe(1)
        }).pipe(Effect.provide(layer, { local: true }))
        yield* Scope.close(scope, Exit.void)
        yield* Effect.gen(function* () {
          expect(yield* named(one)).toEqual(["own__of_alice", "own__whoami", "own__write"])
          expect(yield* named(two)).toEqual([])
          expect(yield* metric("manifold_upstream_ready", one)).toBe(0)
          const { url } = yield* Listener
          const health = yield* open(new URL("/health", url))
          expect(JSON.parse(health.text)).toMatchObject({ status: "degraded" })
        }).pipe(Effect.provide(layer, { local: true }))
      })
  )
})

describe("clients and issuers", () => {
  it.live("a service with a public URL is identified by its document instead of a registration", () =>
    Effect.gen(function* () {
      const document = Promise.withResolvers<string>()
      const server = yield* protectedServer({ document: document.promise })
      yield* Effect.gen(function* () {
        yield* settled
        const { url: base } = yield* Listener
        const { port } = new URL(base)
        const metadata = yield* open(new URL("/oauth/client.json", `http://127.0.0.1:${port}`))
        document.resolve(metadata.text)
        const url = yield* signInUrl
        expect(new URL(url).searchParams.get("client_id")).toBe(
          "https://mcp.example.com/tools/oauth/client.json"
        )
        const back = yield* Effect.promise(() =>
          browse(url, "alice", "https://mcp.example.com/tools/callback")
        )
        const page = yield* open(new URL(`/callback${back.search}`, `http://127.0.0.1:${port}`))
        expect(page.status).toBe(200)
        const { connection } = yield* upstream
        yield* connection
        expect(yield* whoami).toEqual(alice)
        expect(server.state.registrations).toBe(0)
      }).pipe(
        Effect.provide(
          service({
            server: { public_url: "https://mcp.example.com/tools/" },
            mcpServers: { own: { url: server.url } }
          })
        )
      )
    })
  )

  it.live("an authorization server other than the configured one is rejected", () =>
    withServer(
      (server) =>
        Effect.gen(function* () {
          yield* settled
          const { account } = yield* upstream
          const error = yield* Effect.flip(account?.signIn() ?? Effect.die("no account"))
          expect(error).toMatchObject({
            stage: "authenticate",
            detail: expect.stringContaining("oauth.issuer")
          })
          expect(server.state.registrations).toBe(0)
        }),
      { oauth: { issuer: "https://login.example.com" } }
    )
  )

  it.live("a token endpoint at another private host is not requested", () =>
    withServer(
      (server) =>
        Effect.gen(function* () {
          yield* settled
          const page = yield* open(yield* callbackOf(yield* signInUrl))
          expect(page.status).toBe(400)
          expect(page.text).not.toContain("localhost")
          expect(server.requests).toEqual({})
          expect(yield* stateOf).toBe("unauthorized")
        }),
      {},
      { metadata: (issuer) => ({ token_endpoint: `${issuer.replace("127.0.0.1", "localhost")}/token` }) }
    )
  )

  it.live("metadata with another issuer is rejected before a registration", () =>
    withServer(
      (server) =>
        Effect.gen(function* () {
          const { account, connection, summary } = yield* upstream
          // Without attempts to connect again.
          const failure = yield* Effect.flip(connection)
          expect(failure.message).toContain("Issuer mismatch")
          expect(yield* summary).toMatchObject({ state: "failed" })
          const error = yield* Effect.flip(account?.signIn() ?? Effect.die("no account"))
          expect(error.message).toContain("Issuer mismatch")
          expect(server.state.registrations).toBe(0)
        }),
      {},
      { metadata: () => ({ issuer: "https://login.example.com" }) }
    )
  )

  it.live("a service on a public address needs its public URL to begin a sign-in", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      yield* Effect.gen(function* () {
        yield* settled
        const { account } = yield* upstream
        const error = yield* Effect.flip(account?.signIn() ?? Effect.die("no account"))
        expect(error.detail).toContain("server.public_url")
        expect(server.state.registrations).toBe(0)
      }).pipe(
        Effect.provide(
          serviceOf(
            (dir) =>
              ConfigSource.layerFrom({
                storage: { dir },
                logging: { level: "none" },
                auth: { tokens: [{ name: "one", token: "a".repeat(40) }] },
                mcpServers: { own: { url: server.url } }
              }),
            Service.layer({ host: "0.0.0.0", port: 0 })
          )
        )
      )
    })
  )

  it.live("a server that is no authorization server, and names none, offers no sign-in", () =>
    Effect.gen(function* () {
      const plain = yield* Effect.acquireRelease(
        Effect.sync(() =>
          Bun.serve({
            port: 0,
            hostname: "127.0.0.1",
            fetch: ({ url }) => new Response(null, { status: url.endsWith("/mcp") ? 401 : 404 })
          })
        ),
        (server) => Effect.promise(() => server.stop(true))
      )
      yield* Effect.gen(function* () {
        const { connection } = yield* upstream
        const error = yield* Effect.flip(connection)
        expect(error.detail).toContain("add the header that it requires, such as Authorization")
        expect(error.signIn).toBeUndefined()
        // Without further attempts: the next one would be in an hour.
        expect(yield* stateOf).toBe("failed")
      }).pipe(
        Effect.provide(
          service({
            mcp: { connection: { initial_reconnect_delay: "1 hour", connection_timeout: "2 hours" } },
            mcpServers: { own: { url: `http://127.0.0.1:${plain.port}/mcp` } }
          })
        )
      )
    })
  )
})

describe("access tokens", () => {
  it.live("many calls with a rejected token renew it once", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        const calls = 8
        yield* server.endAccessToken((yield* whoami, server.state.token))
        let rejected = 0
        server.state.slow = new Promise((resolve) => {
          server.state.onRejected = () => {
            if (++rejected === calls) resolve()
          }
        })
        const results = yield* Effect.all(
          Array.from({ length: calls }, () => whoami),
          { concurrency: "unbounded" }
        )
        expect(results).toEqual(Array.from({ length: calls }, () => alice))
        expect(server.requests).toEqual({ authorization_code: 1, refresh_token: 1 })
      })
    )
  )

  it.live("an authorization server that cannot be reached ends a call, not the sign-in", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        yield* server.endAccessToken((yield* whoami, server.state.token))
        server.state.offline = true
        expect(yield* rejectedCall).toContain("cannot be reached")
        server.state.offline = false
        expect(yield* whoami).toEqual(alice)
        expect(server.requests).toEqual({ authorization_code: 1, refresh_token: 1 })
      })
    )
  )

  it.live("a revoked sign-in makes the server unauthorized, and the next sign-in restores it", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        yield* whoami
        yield* server.revoke(server.state.token)
        expect(yield* rejectedCall).toContain("must sign in at own first")
        yield* settled
        expect(yield* stateOf).toBe("unauthorized")
        yield* signIn()
        expect(yield* whoami).toEqual(alice)
        expect(server.state.registrations).toBe(1)
      })
    )
  )

  it.live("a client that the authorization server has forgotten is registered again", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        yield* whoami
        yield* server.endAccessToken(server.state.token)
        yield* server.forgetClient(server.state.client)
        expect(yield* rejectedCall).toContain("must sign in at own first")
        yield* signIn()
        expect(yield* whoami).toEqual(alice)
        expect(server.state.registrations).toBe(2)
      })
    )
  )

  it.live("a call that needs another scope asks for the granted ones and exactly that one", () =>
    withServer((server) =>
      Effect.gen(function* () {
        yield* settled
        yield* signIn()
        expect(JSON.stringify(yield* mcp("tools/call", { name: "own__write" }))).toContain(
          "scope=mcp%3Aread+mcp%3Awrite"
        )
        expect(yield* stateOf).toBe("ready")
        const { account } = yield* upstream
        const { url } = yield* account?.signIn("mcp:write") ?? Effect.die("no account")
        expect((yield* open(yield* callbackOf(url))).status).toBe(200)
        const scopesOf = (text: string | undefined) =>
          text?.split(" ").filter((each) => each.startsWith("mcp:"))
        expect(server.state.asked.map(scopesOf).at(-1)).toEqual(["mcp:read", "mcp:write"])
        const { result } = yield* mcp("tools/call", { name: "own__write" })
        expect(result["content"]).toEqual(alice)
      })
    )
  )

  it.live("a program signs in with its own client id and secret", () =>
    withServer(
      (server) =>
        Effect.gen(function* () {
          yield* settled
          expect(yield* stateOf).toBe("ready")
          expect(yield* whoami).toEqual([{ type: "text", text: "machine" }])
          expect(server.requests).toEqual({ client_credentials: 1 })
        }),
      { oauth: { grant: "client_credentials", ...machineClient, scopes: ["mcp:read"] } }
    )
  )

  it.live("a program signs in with its private key", () =>
    Effect.gen(function* () {
      const pair = yield* Effect.promise(() =>
        crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"])
      )
      const machineKey = yield* Effect.promise(() => crypto.subtle.exportKey("jwk", pair.publicKey))
      const exported = yield* Effect.promise(() => crypto.subtle.exportKey("pkcs8", pair.privateKey))
      const base64 = Buffer.from(exported).toString("base64")
      const private_key = `-----BEGIN PRIVATE KEY-----\n${base64}\n-----END PRIVATE KEY-----\n`
      const server = yield* protectedServer({ machineKey })
      yield* Effect.gen(function* () {
        yield* settled
        expect(yield* whoami).toEqual([{ type: "text", text: "signer" }])
      }).pipe(
        Effect.provide(
          service({
            mcpServers: {
              own: {
                url: server.url,
                oauth: { grant: "client_credentials", client_id: "signer", private_key, scopes: ["mcp:read"] }
              }
            }
          })
        )
      )
    })
  )
})

describe("two processes", () => {
  it.live("with the same state folder renew a token once", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      const dir = yield* stateFolder
      const layer = serviceOf(() =>
        ConfigSource.layerFrom({
          storage: { dir },
          logging: { level: "none" },
          mcpServers: { own: { url: server.url } }
        })
      )
      const call = Effect.gen(function* () {
        yield* settled
        return yield* whoami
      }).pipe(Effect.provide(layer, { local: true }))
      yield* Effect.andThen(settled, signIn()).pipe(Effect.provide(layer, { local: true }))
      yield* call
      yield* server.endAccessToken(server.state.token)
      expect(yield* Effect.all([call, call], { concurrency: "unbounded" })).toEqual([alice, alice])
      expect(server.requests).toEqual({ authorization_code: 1, refresh_token: 1 })
    })
  )
})

describe("a sign-in that waits during a restart", () => {
  const withRestart = <A, E, R, B, E2, R2>(
    config: Record<string, unknown>,
    before: Effect.Effect<A, E, R>,
    after: (found: A) => Effect.Effect<B, E2, R2>
  ) =>
    Effect.gen(function* () {
      const dir = yield* stateFolder
      const layer = serviceOf(() =>
        ConfigSource.layerFrom({ storage: { dir }, logging: { level: "none" }, ...config })
      )
      const found = yield* before.pipe(Effect.provide(layer, { local: true }))
      return yield* after(found).pipe(Effect.provide(layer, { local: true }))
    })

  /** The page, and the callback before the restart. */
  const begun = Effect.gen(function* () {
    yield* settled
    const { port } = new URL((yield* Listener).url)
    return { url: yield* signInUrl, callback: `http://127.0.0.1:${port}/callback` }
  })

  /** The user finishes the page; the callback has the address of the restarted service. */
  const finishAt = Effect.fnUntraced(function* ({ callback, url }: { callback: string; url: string }) {
    const back = yield* Effect.promise(() => browse(url, "alice", callback))
    back.port = new URL((yield* Listener).url).port
    return { back, page: yield* open(back) }
  })

  it.live("is finished by the account of all callers at once, and its state is accepted once", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      yield* withRestart({ mcpServers: { own: { url: server.url } } }, begun, (found) =>
        Effect.gen(function* () {
          yield* settled
          const { back, page } = yield* finishAt(found)
          expect(page.text).toContain("You are signed in to own.")
          yield* (yield* upstream).connection
          expect(yield* whoami).toEqual(alice)
          expect((yield* open(back)).text).toContain("Unknown sign-in")
        })
      )
      expect(server.requests).toEqual({ authorization_code: 1 })
    })
  )

  it.live("is finished by the next request of its principal, if each has its own account", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      const one = "o".repeat(40)
      const config = {
        mcpServers: { own: { url: server.url, credentials: "per_user" } },
        auth: { tokens: [{ name: "one", token: one }] }
      }
      const credential = { authorization: `Bearer ${one}` }
      const before = Effect.gen(function* () {
        const { port } = new URL((yield* Listener).url)
        yield* mcp("tools/list", {}, credential)
        const { result } = yield* mcp("tools/call", { name: "own__sign_in" }, credential)
        const url = /https?:\S+/.exec(JSON.stringify(result["content"]))?.[0].replace(/["\\].*/, "") ?? ""
        return { url, callback: `http://127.0.0.1:${port}/callback` }
      })
      yield* withRestart(config, before, (found) =>
        Effect.gen(function* () {
          const { page } = yield* finishAt(found)
          expect(page.text).toContain("Return to your program")
          expect(server.requests).toEqual({})
          const { result } = yield* mcp("tools/call", { name: "own__whoami" }, credential)
          expect(result["content"]).toEqual(alice)
        })
      )
    })
  )
})

describe("stored credentials", () => {
  it.live("a restart keeps the sign-in, and no token is in the state folder or the log in the clear", () =>
    Effect.gen(function* () {
      const server = yield* protectedServer()
      const dir = yield* stateFolder
      const log = join(dir, "log.jsonl")
      const layer = serviceOf(() =>
        ConfigSource.layerFrom({
          storage: { dir },
          logging: { level: "debug", file: log },
          mcpServers: { own: { url: server.url } }
        })
      )
      yield* Effect.gen(function* () {
        yield* settled
        yield* signIn()
        expect(yield* whoami).toEqual(alice)
        yield* server.endAccessToken(server.state.token)
        expect(yield* whoami).toEqual(alice)
      }).pipe(Effect.provide(layer, { local: true }))
      yield* Effect.gen(function* () {
        yield* settled
        expect(yield* stateOf).toBe("ready")
        expect(yield* whoami).toEqual(alice)
      }).pipe(Effect.provide(layer, { local: true }))
      const names = yield* Effect.promise(() => readdir(dir, { recursive: true, withFileTypes: true }))
      const files = names.filter((file) => file.isFile())
      expect(files.map(({ name }) => name)).toContain("log.jsonl")
      const secrets = [...server.issued()]
      expect(secrets.length).toBeGreaterThan(3)
      for (const { name, parentPath } of files) {
        const text = yield* Effect.promise(() => readFile(join(parentPath, name), "latin1"))
        expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
      }
    })
  )

  for (const [how, damage] of [
    ["truncated", async (file: string) => writeFile(file, (await readFile(file)).subarray(0, 40))],
    ["encrypted with another key", async (file: string) => rm(join(dirname(file), "../keys/credentials"))]
  ] as const) {
    it.live(
      `credentials that cannot be decrypted need a sign-in, and have a row in the audit log: ${how}`,
      () =>
        Effect.gen(function* () {
          const server = yield* protectedServer()
          const dir = yield* stateFolder
          const layer = serviceOf(() =>
            ConfigSource.layerFrom({
              storage: { dir },
              logging: { level: "none" },
              mcpServers: { own: { url: server.url } }
            })
          )
          yield* Effect.gen(function* () {
            yield* settled
            yield* signIn()
          }).pipe(Effect.provide(layer, { local: true }))
          const folder = join(dir, "credentials")
          const [name = ""] = yield* Effect.promise(() => readdir(folder))
          yield* Effect.promise(() => damage(join(folder, name)))
          yield* Effect.gen(function* () {
            yield* settled
            expect(yield* stateOf).toBe("unauthorized")
            yield* (yield* Audit).flush
            const rows = yield* storedRows
            expect(rows.find(({ action }) => action === "credential.read")).toMatchObject({
              target: "own",
              outcome: "failed",
              details: '{"error":"SealedFileError"}'
            })
            yield* signIn()
            expect(yield* whoami).toEqual(alice)
          }).pipe(Effect.provide(layer, { local: true }))
        })
    )
  }
})
