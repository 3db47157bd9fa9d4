/** HTTP/2 and WebSockets over the TLS listener to an application, hosts that disagree in HTTP/2, and the challenge path of ACME. */
import { expect } from "bun:test"
import { type ClientHttp2Session, connect } from "node:http2"
import { Effect, Schema } from "effect"
import { sqlite } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { freePort, oauthService } from "../support/oauth.ts"
import { backend, publish } from "../support/proxies.ts"
import { untilCertified } from "../support/tlsEdge.ts"

const open = "open.example.com"
const closed = "closed.example.com"

interface Reply {
  readonly status: number
  readonly text: string
}

const ask = (session: ClientHttp2Session, headers: Record<string, string>, body?: string) =>
  new Promise<Reply>((resolve, reject) => {
    const stream = session.request(headers)
    let status = 0
    let text = ""
    stream.setEncoding("utf8")
    stream.on("response", (received) => (status = Number(received[":status"])))
    stream.on("data", (chunk) => (text += String(chunk)))
    stream.on("error", (error) =>
      // The server resets a stream whose header fields contradict each other (RFC 9113, section 8.3.1).
      error.message.includes("NGHTTP2_PROTOCOL_ERROR") ? resolve({ status: 400, text: "" }) : reject(error)
    )
    stream.on("end", () => resolve({ status, text }))
    stream.end(body)
  })

/** `isReplaced`: by a listener with other certificates, before the handshake or with GOAWAY. */
class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", {
  cause: Schema.Defect(),
  isReplaced: Schema.Boolean
}) {}

/**
 * Requests over one connection with the server name; the certificate does not matter here. As clients do, it opens another one
 * after GOAWAY (RFC 9113, section 6.8), or when the listener was replaced during the handshake.
 */
const over = <A>(port: number, servername: string, run: (session: ClientHttp2Session) => Promise<A>) =>
  Effect.callback<A, ConnectionFailed>((resume) => {
    let isReplaced = true
    const session = connect(`https://127.0.0.1:${port}`, { servername, rejectUnauthorized: false })
    session.on("connect", () => (isReplaced = false))
    session.on("goaway", () => (isReplaced = true))
    session.on("error", () => {})
    run(session)
      .then(
        (found) => resume(Effect.succeed(found)),
        (cause) => resume(Effect.fail(new ConnectionFailed({ cause, isReplaced })))
      )
      .finally(() => session.destroy())
  }).pipe(Effect.retry({ times: 5, while: (error) => error.isReplaced }))

const edge = (https_port: number, http_port: number) => ({
  domains: ["mcp.example.com"],
  host: "127.0.0.1",
  https_port,
  http_port
})

const serving = Effect.gen(function* () {
  const [port, http] = [yield* freePort, yield* freePort]
  const { running } = yield* oauthService(yield* sqlite, { edge: edge(port, http) }, "none")
  const secret = yield* backend(() => new Response("secret"))
  const app = yield* backend(
    async (request, server) => {
      if (server.upgrade(request, { data: undefined })) return undefined
      const { pathname } = new URL(request.url)
      return new Response(`${request.method} ${pathname} ${await request.text()}`)
    },
    { message: (socket, message) => void socket.send(message) }
  )
  yield* Effect.provideContext(
    Effect.all([
      publish({ hostname: open, target_url: app.url }),
      publish({ hostname: closed, target_url: secret.url, protect: "read" })
    ]),
    running
  )
  yield* untilCertified(port, [open, closed])
  return { app, http, port, secret }
})

it.live("HTTP/2 streams of one connection reach the application, and :authority decides which one", () =>
  Effect.gen(function* () {
    const { app, port, secret } = yield* serving
    const post = { ":method": "POST", ":authority": open }
    const numbers = Array.from({ length: 20 }, (_, index) => index)
    const all = yield* over(port, open, (session) =>
      Promise.all(numbers.map((each) => ask(session, { ...post, ":path": `/${each}` }, `body ${each}`)))
    )
    expect(all).toEqual(numbers.map((each) => ({ status: 200, text: `POST /${each} body ${each}` })))
    const { headers } = app.requests[0] ?? {}
    expect(headers).toMatchObject({ host: open, "x-forwarded-proto": "https", "x-forwarded-host": open })
    // The certificate of one application is no way into another, nor a second host name.
    for (const names of [
      { ":authority": closed },
      { ":authority": closed.toUpperCase() },
      { ":authority": `${closed}:${port}` },
      { ":authority": "other.example.com" },
      { ":authority": closed, host: open },
      { ":authority": open, host: closed }
    ]) {
      const { status, text } = yield* over(port, open, (session) =>
        ask(session, { ":path": "/page", ...names })
      )
      const isOpen = status === 200 && text === "GET /page "
      expect([names, isOpen || [400, 401, 421].includes(status)]).toEqual([names, true])
    }
    expect(secret.requests).toEqual([])
  })
)

it.live("a WebSocket over TLS reaches the application", () =>
  Effect.gen(function* () {
    const { port } = yield* serving
    const connectTo = (host: string) =>
      Effect.promise(
        () =>
          new Promise<string>((resolve) => {
            const socket = new WebSocket(`wss://127.0.0.1:${port}/ws`, {
              headers: { host },
              tls: { rejectUnauthorized: false }
            })
            socket.onopen = () => socket.send("hello")
            socket.onmessage = ({ data }) => {
              resolve(String(data))
              socket.close()
            }
            socket.onclose = () => resolve("closed")
          })
      )
    expect(yield* connectTo(open)).toBe("hello")
    expect(yield* connectTo(closed)).toBe("closed")
  })
)

it.live("an application gets no request for a challenge of ACME over HTTP", () =>
  Effect.gen(function* () {
    const { app, http } = yield* serving
    const statuses: Array<number> = []
    for (const path of [
      "/.well-known/acme-challenge/token",
      "/.well-known/acme-challenge/../acme-challenge/token",
      "/.well-known/acme-challenge/%2e%2e/x",
      "/.well-known/acme-challenge/"
    ]) {
      const url = `http://127.0.0.1:${http}${path}`
      const request = { method: "GET", headers: { host: open }, redirect: "manual" } as const
      statuses.push((yield* Effect.promise(() => fetch(url, request))).status)
    }
    expect(statuses[0]).toBe(404)
    // 421 until the host has a certificate, 308 to HTTPS from then on.
    for (const status of statuses) expect([308, 404, 421]).toContain(status)
    expect(app.requests).toEqual([])
  })
)
