/** Two processes on one PostgreSQL with separate state folders, behind one host: sessions of browsers, published applications, and ACME. */
import { expect } from "bun:test"
import { connect } from "node:tls"
import { Effect, Schema } from "effect"
import { itPostgres, postgres, stateFolder } from "../support/databases.ts"
import { Browser, password } from "../support/oauth.ts"
import { describePebble, pebble } from "../support/pebble.ts"
import { backend } from "../support/proxies.ts"
import { bearer } from "../support/rest.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { manifold } from "../support/stdio.ts"

const token = "a".repeat(40)
const host = "app.example.com"
const app = `https://${host}`
const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)

type Certificates = Readonly<Record<string, unknown>>

/** Both processes; secrets take the place of key files. */
const instances = Effect.fnUntraced(function* (
  domains: ReadonlyArray<string>,
  certificates: Certificates = {}
) {
  const { postgres_url } = yield* postgres
  const configOf = (dir: string) => ({
    storage: { dir, ...(postgres_url !== undefined && { postgres_url }) },
    auth: {
      tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }],
      oauth: { secret: "s".repeat(40) }
    },
    edge: {
      domains,
      host: "127.0.0.1",
      https_port: 0,
      http_port: 0,
      certificates: { secret: "c".repeat(40), ...certificates }
    }
  })
  const configs = (yield* Effect.all([stateFolder, stateFolder])).map(configOf)
  const [one, two] = yield* Effect.forEach(configs, (config) => servingProcess({ config }), {
    concurrency: 2
  })
  if (one === undefined || two === undefined) return yield* Effect.die("no instances")
  const [config] = configs
  /** The command line of the operator, on the machine of the first instance. */
  const operator = (command: ReadonlyArray<string>, stdin = "") =>
    manifold([...command], {
      cwd: config?.storage.dir ?? "",
      env: { HOME: config?.storage.dir ?? "", MCP_CONFIG_JSON: JSON.stringify(config) },
      stdin
    })
  return { one, two, operator }
})

type Instance = Effect.Success<ReturnType<typeof servingProcess>>

/** A request to a host at the HTTPS listener of the instance. */
const sendTo = ({ edge }: Instance, url: string | URL, init: RequestInit = {}) => {
  const { host: name, hostname, pathname, search } = new URL(url)
  return fetch(`https://127.0.0.1:${edge.https}${pathname}${search}`, {
    redirect: "manual",
    keepalive: false,
    ...init,
    headers: { ...(init.headers as Record<string, string> | undefined), host: name },
    tls: { rejectUnauthorized: false, serverName: hostname }
  })
}

const administer = ({ url }: Instance, method: string, path: string, body?: unknown) =>
  Effect.promise(() =>
    fetch(new URL(path, url), {
      method,
      headers: { ...bearer(token), "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
  )

/** Requests the page until an instance responds as expected. */
const until = (instance: Instance, isExpected: (response: Response) => boolean | Promise<boolean>) =>
  Effect.repeat(
    Effect.promise(() => sendTo(instance, `${app}/`).then(isExpected)),
    { until: (found) => found }
  )

itPostgres.live(
  "a browser that signed in through one instance is signed in at the other, until it signs out at either",
  () =>
    Effect.gen(function* () {
      const { one, operator, two } = yield* instances(["mcp.example.com"])
      yield* operator(["user", "add", "alice"], `${password}\n`)
      const target = yield* backend((request) =>
        new URL(request.url).pathname === "/events"
          ? new Response(
              new ReadableStream({
                start: (controller) => controller.enqueue(new TextEncoder().encode("data: 1\n\n"))
              }),
              { headers: { "content-type": "text/event-stream" } }
            )
          : new Response("secret page")
      )
      const published = { hostname: host, target_url: target.url, protect: "read" }
      expect((yield* administer(one, "POST", "/edge/proxies", published)).status).toBe(201)
      yield* until(two, ({ status }) => status === 401)

      let turn = 0
      let cookie = ""
      /** Each request goes to the other instance than the one before. */
      const balanced = (url: string | URL, init: RequestInit = {}) => {
        if (new URL(url).origin === app) cookie = new Headers(init.headers).get("cookie") ?? ""
        return sendTo(turn++ % 2 === 0 ? one : two, url, init)
      }
      const browser = new Browser("alice", "none:", balanced)
      const signIn = async () => {
        const titles: Array<string> = []
        let page = await browser.open(new URL("/page", app))
        while (page.url.pathname.includes("/oauth/interaction/")) {
          titles.push(/<title>(.*?)<\/title>/.exec(page.text)?.[1] ?? "")
          const answered = await browser.answer(page.url, page.text)
          page = await browser.open(new URL(answered.headers.get("location") ?? "", page.url))
        }
        return { text: page.text, titles }
      }
      const first = yield* wait(signIn())
      expect([first.text, first.titles.length]).toEqual(["secret page", 2])
      const pageOf = (instance: Instance, path = "/page") =>
        sendTo(instance, `${app}${path}`, { headers: { cookie, accept: "text/html" } })
      for (const instance of [one, two])
        expect(yield* wait(pageOf(instance).then((response) => response.text()))).toBe("secret page")

      const events = yield* wait(pageOf(two, "/events"))
      const ended = events.text().catch(() => "cut")
      const out = yield* wait(
        sendTo(one, `${app}/.well-known/manifold/sign-out`, { headers: { cookie, accept: "text/html" } })
      )
      expect([out.status, out.headers.getSetCookie().some((set) => set.includes("Max-Age=0"))]).toEqual([
        200,
        true
      ])
      // The stream at the other instance ends, and a copy of the cookie is worth nothing at either.
      expect(["cut", "data: 1\n\n"]).toContain(yield* wait(ended))
      for (const instance of [one, two]) expect((yield* wait(pageOf(instance))).status).toBe(302)
    }),
  120_000
)

itPostgres.live(
  "an application that one instance publishes, changes or deletes is served by the other as well",
  () =>
    Effect.gen(function* () {
      const { one, two } = yield* instances([])
      const [first, second] = yield* Effect.all([
        backend(() => new Response("first")),
        backend(() => new Response("second"))
      ])
      const textIs = (text: string) => async (response: Response) => (await response.text()) === text
      yield* administer(one, "POST", "/edge/proxies", { hostname: host, target_url: first.url })
      yield* until(one, textIs("first"))
      yield* until(two, textIs("first"))
      yield* administer(two, "POST", `/edge/proxies/${host}`, { target_url: second.url })
      yield* until(one, textIs("second"))
      yield* administer(one, "DELETE", `/edge/proxies/${host}`)
      yield* until(two, ({ status }) => status === 421)
      yield* administer(two, "POST", "/edge/proxy_changes/undo", {})
      yield* until(one, textIs("second"))
    }),
  120_000
)

const Listed = Schema.Struct({
  certificates: Schema.Array(
    Schema.Struct({ names: Schema.Array(Schema.String), source: Schema.String, state: Schema.String })
  )
})

/** Issuer of the certificate that the instance serves for the host. */
const issuerOf = ({ edge }: Instance, servername: string) =>
  Effect.promise(
    () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect(
          { host: "127.0.0.1", port: edge.https, servername, rejectUnauthorized: false },
          () => {
            resolve(String(socket.getPeerCertificate().issuer.CN))
            socket.destroy()
          }
        )
        socket.on("error", reject)
      })
  )

describePebble("ACME with two processes", () => {
  itPostgres.live(
    "either answers the challenges of both, and both serve what one has issued",
    () =>
      Effect.gen(function* () {
        const ca = yield* pebble()
        const domains = Array.from({ length: 6 }, (_, index) => `h${index}.example.com`)
        const acme = { directory: ca.directory, ca_file: ca.caFile, terms_agreed: true }
        const { one, two } = yield* instances(domains, { acme })
        // Each request of the CA goes to the next instance, whichever has the order.
        yield* ca.forward(one.edge.http, two.edge.http)
        const listed = Effect.gen(function* () {
          const response = yield* administer(two, "GET", "/edge/certificates?limit=100")
          return yield* Schema.decodeUnknownEffect(Listed)(yield* wait(response.json()))
        })
        const { certificates } = yield* Effect.repeat(listed, {
          until: (found) =>
            found.certificates.filter(({ source, state }) => source === "acme" && state === "active")
              .length === domains.length
        })
        // None has failed.
        expect(certificates.filter(({ state }) => state !== "active")).toEqual([])
        for (const instance of [one, two])
          for (const domain of domains)
            yield* Effect.repeat(issuerOf(instance, domain), {
              until: (issuer) => issuer.startsWith("Pebble")
            })
      }),
    120_000
  )
})
