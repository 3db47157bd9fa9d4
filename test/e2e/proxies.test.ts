/** The proxy configurations of docs/proxies.md, each in front of the real service if the proxy is installed. */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Listener } from "../../layers/http/Listener.ts"
import { certificate, machine, possible } from "../support/certificate.ts"
import { it } from "../support/effect.ts"
import { initialize, readJson, service } from "../support/service.ts"

const page = await Bun.file(new URL("../../docs/proxies.md", import.meta.url)).text()
const token = "0123456789abcdef0123456789abcdef"
const authorization = `Bearer ${token}`
const jsonHeaders = { "content-type": "application/json", accept: "application/json, text/event-stream" }

/** A documented configuration with the addresses and files of the test. */
interface Place {
  readonly dir: string
  readonly backend: number
  readonly port: number
}

interface Proxy {
  readonly name: string
  readonly language: string
  readonly configure: (text: string, place: Place) => string
  readonly command: (file: string, place: Place) => ReadonlyArray<string>
}

/** Buffer folders of nginx inside the folder of the test. */
const folders = (dir: string) =>
  ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${dir}/${name};`)
    .join(" ")

const proxies: ReadonlyArray<Proxy> = [
  {
    name: "nginx",
    language: "nginx",
    configure: (text, { dir, port }) =>
      text
        .replace("events {}", `pid ${dir}/pid; error_log stderr; events {}`)
        .replace("http {", `http { access_log off; ${folders(dir)}`)
        .replace("listen 443 ssl", `listen 127.0.0.1:${port} ssl`),
    command: (file, { dir }) => ["nginx", "-p", dir, "-c", file, "-g", "daemon off;"]
  },
  {
    name: "HAProxy",
    language: "haproxy",
    configure: (text, { port }) => text.replace("bind :443", `bind 127.0.0.1:${port}`),
    command: (file) => ["haproxy", "-f", file]
  },
  {
    name: "Caddy",
    language: "caddyfile",
    configure: (text, { port }) =>
      `{\n  admin off\n  auto_https disable_redirects\n  https_port ${port}\n  default_bind 127.0.0.1\n  grace_period 1s\n}\n${text.replace("mcp.example.com {", "localhost, *.example.com {")}`,
    command: (file) => ["caddy", "run", "--adapter", "caddyfile", "--config", file]
  }
]

const freePort = Effect.sync(() => {
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response() })
  const { port } = server
  server.stop(true)
  return port ?? 0
})

/** Runs the proxy while the scope is open; resolves with its URL when it forwards. */
const running = Effect.fnUntraced(function* ({ command, configure, language }: Proxy) {
  const [, block = ""] = new RegExp("^```" + language + "\\n([^]*?)^```$", "m").exec(page) ?? []
  const { cert, key } = yield* certificate
  const { port: backend } = yield* Listener
  const dir = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-proxy-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const place = { dir, backend, port: yield* freePort }
  const text = configure(block, place)
    .replaceAll("127.0.0.1:8000", `127.0.0.1:${backend}`)
    .replaceAll("/etc/ssl", dir)
    .replaceAll(/(?<!\/)mcp\.example\.com(?= \{|;)/g, "localhost")
  const file = join(dir, "configuration")
  yield* Effect.promise(async () => {
    await mkdir(dir, { recursive: true })
    await writeFile(file, text)
    await writeFile(join(dir, "mcp.example.com.pem"), cert)
    await writeFile(join(dir, "mcp.example.com.key"), key)
    await writeFile(join(dir, "mcp.example.com.both.pem"), cert + key)
  })
  yield* Effect.acquireRelease(
    Effect.sync(() =>
      Bun.spawn([...command(file, place)], {
        stdout: "ignore",
        stderr: "ignore",
        env: { ...process.env, HOME: dir, XDG_DATA_HOME: dir }
      })
    ),
    (child) =>
      Effect.promise(() => {
        child.kill()
        return child.exited
      })
  )
  const url = `https://localhost:${place.port}`
  const request = (path: string, init: RequestInit = {}) =>
    Effect.promise(() => fetch(url + path, { ...init, tls: { ca: cert } }))
  // The proxy needs a moment to start; every attempt waits for the operating system.
  yield* Effect.retry(
    Effect.tryPromise(async () => {
      const response = await fetch(`${url}/health/ready`, { tls: { ca: cert } })
      if (!response.ok) throw new Error(`the proxy answers ${response.status}`)
    }),
    Schedule.spaced("50 millis").pipe(Schedule.upTo({ times: 200 }))
  )
  return { url, ca: cert, request }
})

const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { ...jsonHeaders, ...headers },
  body: JSON.stringify(body)
})

const config = {
  server: { allowed_hosts: ["mcp.example.com"], trusted_proxies: ["127.0.0.1"] },
  auth: { tokens: [{ name: "ops", token }], anonymous_loopback: true }
}

for (const proxy of proxies) {
  const [program = ""] = proxy.command("", { dir: "", backend: 0, port: 0 })
  describe.skipIf(!possible || Bun.which(program) === null)(proxy.name, () => {
    it.live(
      "carries streamable HTTP, SSE and WebSocket, also under a prefix, and trusts no client as loopback",
      () =>
        Effect.gen(function* () {
          const { ca, request, url } = yield* running(proxy)
          // The service trusts loopback. The proxy is on loopback, but its clients are not.
          expect((yield* request("/mcp", post(initialize()))).status).toBe(401)

          // The public URL is that of the request to the proxy, but not below a prefix.
          const metadata = (path: string) => request(path, { headers: { host: "mcp.example.com" } })
          const found = yield* metadata("/.well-known/oauth-authorization-server")
          expect(yield* readJson(found)).toMatchObject({ issuer: "https://mcp.example.com" })
          const challenged = yield* metadata("/mcp")
          expect(challenged.headers.get("www-authenticate")).toContain(
            'resource_metadata="https://mcp.example.com/.well-known/oauth-protected-resource/mcp"'
          )
          expect((yield* metadata("/tools/.well-known/oauth-authorization-server")).status).toBe(503)

          for (const prefix of ["", "/tools"]) {
            const opened = yield* request(`${prefix}/mcp`, post(initialize(), { authorization }))
            expect([prefix, opened.status]).toEqual([prefix, 200])
            expect(yield* readJson(opened)).toMatchObject({ id: 0, result: {} })

            const stream = yield* request(`${prefix}/mcp/sse`, {
              headers: { authorization, accept: "text/event-stream" }
            })
            const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
            const first = yield* Effect.promise(async () => reader?.read())
            const [, path = ""] = /data: (\S+)/.exec(first?.value ?? "") ?? []
            expect(path).toStartWith(`${prefix}/mcp/messages?`)
            const sent = yield* request(path, post(initialize("2024-11-05"), { authorization }))
            expect(sent.status).toBe(202)
            yield* Effect.promise(async () => reader?.cancel())

            const pong = yield* Effect.promise(
              () =>
                new Promise((resolve, reject) => {
                  const socket = new WebSocket(`${url.replace("https", "wss")}${prefix}/mcp/ws`, {
                    headers: { authorization },
                    tls: { ca }
                  })
                  socket.onopen = () => socket.send('{"type":"ping","data":1}')
                  socket.onmessage = ({ data }) => {
                    socket.close()
                    resolve(JSON.parse(String(data)))
                  }
                  socket.onerror = () => reject(new Error("the WebSocket failed"))
                })
            )
            expect(pong).toEqual({ type: "pong", data: 1 })
          }
        }).pipe(Effect.scoped, Effect.provide([service(config), machine])),
      30_000
    )
  })
}
