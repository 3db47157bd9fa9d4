/** The edge in Chromium: an MCP client publishes an application, which is served over HTTPS until it is deleted. */
import { expect, test } from "bun:test"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer, Schedule } from "effect"
import { chromium } from "playwright-core"
import type { Root } from "../../layers/edge/certificates/LocalCa.ts"
import { findStores } from "../../layers/edge/certificates/trustStores.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Machine } from "../../layers/platform/Machine.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { possible } from "../support/certificate.ts"
import { sqlite, stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { faulty, hasPebble, pebble } from "../support/pebble.ts"
import { bearer } from "../support/rest.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { home } from "../support/userHome.ts"

/** The browser of the system; none is downloaded. */
const executablePath = Bun.which("chromium")
const canRun = executablePath !== null && possible && hasPebble && Bun.which("certutil") !== null
const inBrowser: typeof it.live = (name, body, timeout) =>
  canRun || process.env["CI"] ? it.live(name, body, timeout) : test.skip(name, () => {})

const token = "a".repeat(40)
const host = "app.example.com"

/** A home folder whose Chromium trusts the root. */
const homeTrusting = Effect.fnUntraced(function* (name: string, certificate: string) {
  const dir = yield* stateFolder
  const folder = join(dir, ".pki/nssdb")
  const file = join(dir, "root.pem")
  yield* Effect.promise(async () => {
    await mkdir(folder, { recursive: true })
    await Bun.write(file, certificate)
  })
  Bun.spawnSync(["certutil", "-d", `sql:${folder}`, "-N", "--empty-password"])
  const root: Root = { certificate, name, notAfter: 0, fingerprint: "" }
  const { stores } = yield* findStores(root, file).pipe(
    Effect.provide(
      Layer.mergeAll(
        Machine.layerTest(),
        Environment.layerTest({ HOME: dir, PATH: process.env["PATH"] ?? "" }),
        Platform.layer
      )
    )
  )
  for (const { name: store, trust } of stores)
    if (store === "Chromium") for (const argv of trust) expect(Bun.spawnSync([...argv]).exitCode).toBe(0)
  return dir
})

/** A page of a browser that finds every host at 127.0.0.1. */
const browserPage = Effect.fnUntraced(function* (name: string, root: string) {
  const trusting = yield* homeTrusting(name, root)
  const args = ["--no-sandbox", "--host-resolver-rules=MAP * 127.0.0.1"]
  const browser = yield* Effect.acquireRelease(
    Effect.promise(() =>
      chromium.launch({ executablePath: executablePath ?? "", args, env: { ...process.env, HOME: trusting } })
    ),
    (running) => Effect.promise(() => running.close())
  )
  const page = yield* Effect.promise(() => browser.newPage())
  const trustful = yield* Effect.promise(() => browser.newPage({ ignoreHTTPSErrors: true }))
  /** Status whatever the certificate is. */
  const statusOf = (url: string) => Effect.promise(async () => (await trustful.goto(url))?.status())
  /** Status, text and issuer of the certificate of a page, once the listener has replaced its certificates. */
  const open = (url: string) =>
    Effect.tryPromise(async () => {
      const response = await page.goto(url)
      const details = await response?.securityDetails()
      return { status: response?.status(), text: await page.innerText("body"), issuer: details?.issuer ?? "" }
    }).pipe(Effect.retry({ times: 300, schedule: Schedule.spaced("100 millis") }))
  return { open, statusOf }
})

/** An application on a free port. */
const application = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        hostname: "127.0.0.1",
        port: 0,
        fetch: ({ headers, url }) => {
          const seen = `${headers.get("x-forwarded-proto")} ${headers.get("x-forwarded-host")}`
          return new Response(`<p>application at ${new URL(url).pathname}, ${seen}`, {
            headers: { "content-type": "text/html" }
          })
        }
      })
    ),
    (server) => Effect.promise(() => server.stop(true))
  ),
  ({ port }) => `http://127.0.0.1:${port}`
)

inBrowser(
  "an application is published by an MCP client, and opened with certificates of the local CA and of a public one",
  () =>
    Effect.gen(function* () {
      const { break: breakStep, ca } = yield* faulty(yield* pebble())
      // Until it is released, the CA does not respond to orders; a request that waits for 30 seconds fails.
      const { promise: released, resolve: release } = Promise.withResolvers<undefined>()
      yield* breakStep("order", () => released)
      const acme = { directory: ca.directory, ca_file: ca.caFile, terms_agreed: true }
      const storage = yield* sqlite
      const { edge, url } = yield* servingProcess({
        config: {
          storage,
          auth: { tokens: [{ name: "admin", token, scopes: ["read", "call", "admin"] }] },
          edge: { host: "127.0.0.1", https_port: 0, http_port: 0, certificates: { acme } }
        }
      })
      yield* ca.forward(edge.http)

      const { run } = yield* home()
      const variables = { MCP_CONFIG_JSON: JSON.stringify({ storage }) }
      const { stdout: root } = yield* run(["ca", "export"], variables)
      const { stdout: shown } = yield* run(["ca", "show"], variables)
      const [, rootName = ""] = /^Name: +(.+)$/m.exec(shown) ?? []
      const first = yield* browserPage(rootName, root)
      const second = yield* browserPage("pebble", yield* ca.root)

      const client = new Client({ name: "assistant", version: "1" })
      yield* Effect.promise(() =>
        client.connect(new StreamableHTTPClientTransport(url, { requestInit: { headers: bearer(token) } }))
      )
      const call = (name: string, args: Record<string, unknown> = {}) =>
        Effect.promise(() => client.callTool({ name, arguments: args }))
      const target_url = yield* application
      const created = yield* call("create_proxy", { hostname: host, target_url })
      expect(created.isError ?? false).toBe(false)
      /** Waits until the host has a certificate from the source. */
      const certificateFrom = (source: string) =>
        Effect.repeat(
          Effect.map(call("list_certificates"), ({ structuredContent }) => JSON.stringify(structuredContent)),
          { until: (listed) => listed.includes(`["${host}"],"source":"${source}"`) }
        )
      yield* certificateFrom("local_ca")

      expect(yield* first.open(`http://${host}:${edge.http}/a?b=c`)).toEqual({
        status: 200,
        text: `application at /a, https ${host}:${edge.https}`,
        issuer: rootName
      })

      const address = `https://${host}:${edge.https}/`
      release(undefined)
      yield* certificateFrom("acme")
      const opened = yield* second.open(address)
      expect([opened.status, opened.issuer]).toEqual([200, expect.stringContaining("Pebble")])

      yield* call("update_proxy", { hostname: host, target_url, protect: "read" })
      expect((yield* second.open(address)).status).toBe(401)
      yield* call("update_proxy", { hostname: host, target_url })
      expect((yield* second.open(address)).status).toBe(200)

      yield* call("delete_proxy", { hostname: host })
      // The certificate of the host is gone at once or after the next replacement.
      expect(yield* second.statusOf(address)).toBe(421)
      yield* Effect.promise(() => client.close())
    }),
  120_000
)
