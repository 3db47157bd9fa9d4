/** The listener with a certificate: HTTP/2 by ALPN beside HTTP/1.1, and the same checks at the door. */
import { test, expect } from "bun:test"
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2"
import { Effect, FileSystem, Layer } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import * as Interactive from "../../../layers/platform/Interactive.ts"
import * as Platform from "../../../layers/platform/Platform.ts"
import { listen } from "../../support/listener.ts"

/** A certificate for `localhost` that lives as long as the test. */
const certificate = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const dir = yield* files.makeTempDirectoryScoped()
  const [key, cert] = [`${dir}/key.pem`, `${dir}/cert.pem`]
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
  const children = yield* ChildProcessSpawner.ChildProcessSpawner
  yield* children.string(
    ChildProcess.make("openssl", ["req", "-x509", ...curve, "-keyout", key, "-out", cert, ...subject])
  )
  return { key: yield* files.readFileString(key), cert: yield* files.readFileString(cert) }
})

const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders) =>
  Effect.callback<number>((resume) => {
    const stream = session.request(headers)
    stream.on("response", (answer) => resume(Effect.succeed(answer[":status"] ?? 0)))
    stream.resume()
  })

test.skipIf(Bun.which("openssl") === null)("HTTP/2 and HTTP/1.1 with the same answers", () =>
  Effect.gen(function* () {
    const tls = yield* certificate
    const urls: Array<string> = []
    const route = {
      paths: ["/x"],
      fetch: (request: Request) => {
        urls.push(request.url)
        return new Response("secure")
      }
    }
    const { port, url } = yield* listen([route], { tls })
    expect(url).toBe(`https://127.0.0.1:${port}`)
    const session = yield* Effect.acquireRelease(
      Effect.sync(() => connect(`https://localhost:${port}`, { ca: tls.cert })),
      (open) => Effect.sync(() => open.destroy())
    )
    const own = `https://localhost:${port}`
    expect(yield* ask(session, { ":path": "/x?y" })).toBe(200)
    expect(yield* ask(session, { ":path": "/nowhere" })).toBe(404)
    expect(yield* ask(session, { ":path": "/x", origin: own })).toBe(200)
    expect(yield* ask(session, { ":path": "/x", origin: "https://evil.test" })).toBe(403)
    expect(yield* ask(session, { ":path": "/x", ":authority": "evil.test" })).toBe(421)
    const plain = yield* Effect.promise(() => fetch(`${own}/x`, { tls: { ca: tls.cert } }))
    expect(yield* Effect.promise(() => plain.text())).toBe("secure")
    expect(urls).toEqual([`${own}/x?y`, `${own}/x`, `${own}/x`])
  }).pipe(
    Effect.scoped,
    Effect.provide(Layer.provideMerge(Interactive.layer, Platform.layer)),
    Effect.runPromise
  )
)
