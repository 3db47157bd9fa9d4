/** Clients that are identified by a document at their domain, over real HTTPS: the whole flow, and documents that are refused. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { certificateFiles, machine, possible } from "../support/certificate.ts"
import { it } from "../support/effect.ts"
import { Browser, callback, form, freePort, manualClient, password } from "../support/oauth.ts"
import { initialize, post, stateFolder } from "../support/service.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { manifold } from "../support/stdio.ts"

const metadata = {
  client_name: "Documented client",
  redirect_uris: [callback],
  grant_types: ["authorization_code", "refresh_token"],
  response_types: ["code"],
  token_endpoint_auth_method: "none",
  application_type: "native"
}

/** A body of 100 MB without a length, sent as long as it is read. */
const endless = (sent: { bytes: number }) =>
  new ReadableStream<Uint8Array>({
    pull: (controller) => {
      if (sent.bytes >= 100_000_000) return controller.close()
      const chunk = new Uint8Array(64 * 1024).fill(0x20)
      sent.bytes += chunk.byteLength
      controller.enqueue(chunk)
    }
  })

/** An HTTPS server of documents, by path. */
const documents = Effect.fnUntraced(function* (files: {
  readonly key_file: string
  readonly cert_file: string
}) {
  const sent = { bytes: 0 }
  const requested: Array<string> = []
  const server = yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        tls: { key: Bun.file(files.key_file), cert: Bun.file(files.cert_file) },
        fetch: ({ url }) => {
          const { pathname } = new URL(url)
          requested.push(pathname)
          const document = { ...metadata, client_id: url }
          switch (pathname) {
            case "/redirect.json":
              return Response.redirect(new URL("/client.json", url).href, 302)
            case "/mismatch.json":
              return Response.json({ ...document, client_id: new URL("/client.json", url).href })
            case "/secret.json":
              return Response.json({ ...document, token_endpoint_auth_method: "client_secret_basic" })
            case "/redirects.json":
              return Response.json({ ...document, redirect_uris: ["http://evil.example/callback"] })
            case "/large.json":
              return Response.json({
                ...document,
                client_uri: `https://example.com/${"x".repeat(10_000_000)}`
              })
            case "/endless.json":
              return new Response(endless(sent))
            case "/page.json":
              return new Response("<!doctype html>")
            case "/list.json":
              return Response.json([document])
            case "/missing.json":
              return new Response("", { status: 404 })
            default:
              return Response.json(document)
          }
        }
      })
    ),
    (running) => Effect.promise(() => running.stop(true))
  )
  return { host: `localhost:${server.port}`, requested, sent }
})

describe.skipIf(!possible)("client metadata documents", () => {
  it.live(
    "a client with a document signs in and calls; other documents are refused without a redirect",
    () =>
      Effect.gen(function* () {
        const files = yield* certificateFiles()
        const { host, requested, sent } = yield* documents(files)
        const unlisted = yield* documents(files)
        const dir = yield* stateFolder
        const port = yield* freePort
        const base = `http://127.0.0.1:${port}`
        const env = { HOME: dir, MCP_CONFIG_JSON: JSON.stringify({ storage: { dir } }) }
        yield* manifold(["user", "add", "alice"], { cwd: dir, env, stdin: `${password}\n` })
        yield* servingProcess({
          port,
          config: {
            storage: { dir },
            server: { public_url: base },
            outbound: { allow_hosts: [host] }
          },
          env: { NODE_EXTRA_CA_CERTS: files.cert_file }
        })

        const client_id = `https://${host}/client.json`
        const { authorizeUrl, verifier } = yield* manualClient(base, { client_id })
        const browser = new Browser()
        const page = yield* Effect.promise(() => browser.open(authorizeUrl))
        expect(page.text).toContain("Documented client")
        expect(page.text).toContain(`<dt>Published at</dt><dd>${client_id}</dd>`)
        const back = yield* Effect.promise(() => browser.authorize(page.url))
        const { body, status } = yield* form(`${base}/oauth/token`, {
          grant_type: "authorization_code",
          code: back.searchParams.get("code") ?? "",
          code_verifier: verifier,
          client_id,
          redirect_uri: callback
        })
        expect(status).toBe(200)
        const authorization = `Bearer ${String(body.access_token)}`
        expect((yield* post(new URL("/mcp", base), initialize(), { authorization })).status).toBe(200)
        // One request: the document is cached.
        expect(requested).toEqual(["/client.json"])

        const refused = (id: string) =>
          Effect.gen(function* () {
            const wrong = new URL(authorizeUrl)
            wrong.searchParams.set("client_id", id)
            const response = yield* Effect.promise(() => new Browser().fetch(wrong))
            expect([id, response.status, response.headers.get("location")]).toEqual([id, 400, null])
            expect(yield* Effect.promise(() => response.text())).toMatch(
              /<h1>(?:Unknown application|Wrong redirect address)</
            )
          })
        const paths = [
          "redirect",
          "mismatch",
          "secret",
          "redirects",
          "large",
          "endless",
          "page",
          "list",
          "missing"
        ]
        for (const name of paths) yield* refused(`https://${host}/${name}.json`)
        // No redirect was followed.
        expect([...new Set(requested.slice(1))]).toEqual(paths.map((name) => `/${name}.json`))
        // The rest of the body was not read.
        expect(sent.bytes).toBeLessThan(50_000_000)
        for (const id of [
          `https://${unlisted.host}/client.json`,
          `https://${host.replace("localhost", "127.0.0.1")}/client.json`,
          `https://169.254.169.254/client.json`
        ]) {
          yield* refused(id)
        }
        expect(unlisted.requested).toEqual([])
      }).pipe(Effect.provide(machine)),
    30_000
  )
})
