/** The listener with a certificate: HTTP/2 by ALPN and HTTP/3 beside HTTP/1.1, with the same checks. */
import { test, expect } from "bun:test"
import { connect, type ClientHttp2Session, type OutgoingHttpHeaders } from "node:http2"
import { Effect } from "effect"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { listen } from "../../support/listener.ts"

const ask = (session: ClientHttp2Session, headers: OutgoingHttpHeaders) =>
  Effect.callback<number>((resume) => {
    const stream = session.request(headers)
    stream.on("response", (received) => resume(Effect.succeed(received[":status"] ?? 0)))
    stream.resume()
  })

test.skipIf(!possible)("HTTP/2 has the same responses as HTTP/1.1", () =>
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
  }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)

test.skipIf(!possible)("HTTP/3 is served on the same port and announced by Alt-Svc", () =>
  Effect.gen(function* () {
    const tls = yield* certificate
    const seen: Array<boolean> = []
    const route = {
      paths: ["/x"],
      fetch: async (request: Request, { loopback }: { readonly loopback: boolean }) => {
        seen.push(loopback)
        return new Response(await request.text())
      }
    }
    const { port, url } = yield* listen([route], { tls, http3: true })
    // Bun cannot add a custom certificate authority for HTTP/3.
    const options = { protocol: "http3", tls: { rejectUnauthorized: false } } as const
    yield* Effect.promise(async () => {
      const response = await fetch(`${url}/x`, { ...options, method: "POST", body: "by QUIC" })
      expect([response.status, await response.text()]).toEqual([200, "by QUIC"])
      expect(response.headers.get("x-content-type-options")).toBe("nosniff")
      const elsewhere = await fetch(`${url}/x`, { ...options, headers: { origin: "https://evil.test" } })
      expect(elsewhere.status).toBe(403)
      const others = await fetch(`${url}/x`, { tls: { ca: tls.cert } })
      expect(others.headers.get("alt-svc")).toContain(`h3=":${port}"`)
    })
    expect(seen).toEqual([true, true])
  }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
)

test("HTTP/3 without a certificate is a configuration error", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(listen([], { http3: true }))
    expect(error.message).toContain("server.http3 requires server.tls")
  }).pipe(Effect.scoped, Effect.runPromise))
