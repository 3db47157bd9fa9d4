/** The outbound client with real servers: redirects, certificates, limits in bytes and time, and interruption. */
import { describe, expect, test } from "bun:test"
import { Clock, Deferred, Effect, Fiber, Stream } from "effect"
import { brotliCompressSync, deflateRawSync, deflateSync } from "node:zlib"
import { Outbound } from "../../../layers/outbound/Outbound.ts"
import type { OutboundRequest } from "../../../layers/outbound/OutboundRequest.ts"
import { it } from "../../support/effect.ts"
import { certificate, client, forever, openssl, rawSite, site } from "../../support/sites.ts"
import { leastOf } from "../../support/leastOf.ts"

const request = (options: OutboundRequest) =>
  Effect.flatMap(Outbound, (outbound) => outbound.request(options))
const url = (port: number, path = "/") => `http://site.test:${port}${path}`
const decoder = new TextDecoder()
const text = (options: OutboundRequest) =>
  Effect.gen(function* () {
    const { bytes } = yield* request(options)
    return decoder.decode(yield* bytes)
  }).pipe(Effect.scoped)
const reasonOf = (options: OutboundRequest) => Effect.map(Effect.flip(text(options)), ({ reason }) => reason)

describe("an outgoing request", () => {
  it.live("has its method, headers, body and user agent, and ignores the proxies of the environment", () =>
    Effect.gen(function* () {
      const proxy = yield* site(() => new Response("proxy"))
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const before = process.env["http_proxy"]
          process.env["http_proxy"] = `http://127.0.0.1:${proxy.port}`
          return before
        }),
        (before) =>
          Effect.sync(() => {
            if (before === undefined) delete process.env["http_proxy"]
            else process.env["http_proxy"] = before
          })
      )
      const { port, requests } = yield* site(async (asked) => new Response(await asked.text()))
      // The trap works: a client that does not opt out uses the proxy.
      const caught = yield* Effect.promise(async () => (await fetch(`http://127.0.0.1:${port}/`)).text())
      expect(caught).toBe("proxy")
      const echoed = yield* text({
        url: url(port, "/path?query#fragment"),
        method: "POST",
        body: "hello",
        headers: { "x-mine": "1", Host: "evil.test", "Content-Length": "9999" }
      })
      expect(echoed).toBe("hello")
      expect(proxy.requests).toHaveLength(1)
      const [asked] = requests
      expect(asked).toMatchObject({ method: "POST", path: "/path" })
      expect(asked?.headers.get("host")).toBe(`site.test:${port}`)
      expect(asked?.headers.get("user-agent")).toMatch(/^manifold\/\d/)
      expect(asked?.headers.get("x-mine")).toBe("1")
    }).pipe(Effect.provide(client()))
  )

  it.live("with an invalid header is rejected", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(text({ url: url(1234), headers: { "x-a": "1\r\nx-b: 2" } }))
      expect(error).toMatchObject({ reason: "refused", why: "header" })
    }).pipe(Effect.provide(client()))
  )

  it.live("fails with the name that has no address, or the address that has no server", () =>
    Effect.gen(function* () {
      const gone = yield* site(() => new Response())
      yield* Effect.promise(gone.stop)
      expect(yield* reasonOf({ url: "http://absent.example/" })).toBe("dns")
      expect(yield* reasonOf({ url: url(gone.port) })).toBe("connect")
    }).pipe(Effect.provide(client()))
  )

  it.live("tries the next address when the first refuses the connection", () =>
    Effect.gen(function* () {
      const { port } = yield* site(() => new Response("second"))
      expect(yield* text({ url: url(port) })).toBe("second")
    }).pipe(Effect.provide(client({ answers: () => ["127.0.0.2", "127.0.0.1"] })))
  )

  it.live("reports its steps, and can be stopped before any hop", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* site(({ url: asked }) =>
        asked.endsWith("/end") ? new Response("end") : Response.redirect("/end", 302)
      )
      const seen: Array<string> = []
      yield* text({
        url: url(port, "/start"),
        admit: ({ pathname }) => Effect.sync(() => void seen.push(pathname)),
        onStep: (step) => Effect.sync(() => void seen.push(step))
      })
      expect(seen).toEqual(["resolve", "/start", "connect", "resolve", "/end", "connect"])
      expect(requests).toHaveLength(2)
    }).pipe(Effect.provide(client()))
  )
})

describe("a redirect", () => {
  it.live("changes POST to GET if its status requires it, and resolves against the requested URL", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* site(async (asked) => {
        const status = Number(/\/(\d+)$/.exec(asked.url)?.[1] ?? 0)
        return status === 0
          ? new Response(`${asked.method} ${await asked.text()}`)
          : new Response(null, { status, headers: { location: "end" } })
      })
      const post = (status: number) =>
        text({
          url: url(port, `/a/${status}`),
          method: "POST",
          body: "body",
          headers: { "content-type": "text/x" }
        })
      for (const status of [301, 302, 303]) expect(yield* post(status)).toBe("GET ")
      for (const status of [307, 308]) expect(yield* post(status)).toBe("POST body")
      const ends = requests.filter(({ path }) => path === "/a/end")
      expect(ends.map(({ headers }) => headers.get("content-type"))).toEqual([
        null,
        null,
        null,
        "text/x",
        "text/x"
      ])
    }).pipe(Effect.provide(client()))
  )

  it.live("keeps credentials within an origin only", () =>
    Effect.gen(function* () {
      const other = yield* site(() => new Response("end"))
      const { port, requests } = yield* site(({ url: asked }) =>
        Response.redirect(asked.endsWith("/0") ? "/1" : `http://site.test:${other.port}/`, 307)
      )
      yield* text({
        url: url(port, "/0"),
        headers: { authorization: "Bearer x", cookie: "a=b", "x-kept": "1" }
      })
      expect(requests.map(({ headers }) => headers.get("authorization"))).toEqual(["Bearer x", "Bearer x"])
      const headers = other.requests[0]?.headers
      expect([headers?.get("authorization"), headers?.get("cookie"), headers?.get("x-kept")]).toEqual([
        null,
        null,
        "1"
      ])
    }).pipe(Effect.provide(client()))
  )

  it.live("beyond ten is an error, and is returned if redirects are disabled", () =>
    Effect.gen(function* () {
      const { port, requests } = yield* site(({ url: asked }) => {
        const left = Number(new URL(asked).pathname.slice(1))
        return left === 0 ? new Response("end") : Response.redirect(`/${left - 1}`, 302)
      })
      expect(yield* text({ url: url(port, "/10") })).toBe("end")
      expect(yield* reasonOf({ url: url(port, "/11") })).toBe("too_many_redirects")
      expect(requests).toHaveLength(22)
      const { status } = yield* request({ url: url(port, "/1"), maxRedirects: 0 })
      expect(status).toBe(302)
    }).pipe(Effect.provide(client()))
  )

  it.live("with raw UTF-8 or Latin-1 in Location is followed as browsers do", () =>
    Effect.gen(function* () {
      const followed = (location: Uint8Array) =>
        Effect.gen(function* () {
          const end = yield* rawSite((socket, head) => {
            if (!head.startsWith("GET /start "))
              return void socket.end(`HTTP/1.1 200 OK\r\n\r\n${head.split(" ")[1]}`)
            socket.write("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ")
            socket.end(Buffer.concat([location, Buffer.from("\r\n\r\n")]))
          })
          return yield* text({ url: url(end.port, "/start") })
        })
      expect(yield* followed(Buffer.from("/café-日本?q=é"))).toBe("/caf%C3%A9-%E6%97%A5%E6%9C%AC?q=%C3%A9")
      expect(yield* followed(Buffer.from("/caf\u00e9", "latin1"))).toBe("/caf%E9")
      expect(yield* followed(Buffer.from("/a%20b c"))).toBe("/a%20b%20c")
    }).pipe(Effect.provide(client()))
  )

  it.live("keeps the cookies that it sets if requested, and sends them only to their site", () =>
    Effect.gen(function* () {
      const cookiesOf = (keepCookies: boolean) =>
        Effect.gen(function* () {
          const { port, requests } = yield* site(({ headers, url: asked }) => {
            const { hostname, pathname } = new URL(asked)
            if (pathname === "/end" || hostname === "else.test") return new Response("end")
            const moved = new Headers({ location: headers.has("cookie") ? `http://else.test:${port}/` : "/" })
            moved.append("set-cookie", "seen=1; Path=/; HttpOnly")
            moved.append("set-cookie", "deep=1; Path=/deep")
            moved.append("set-cookie", "safe=1; Secure")
            moved.append("set-cookie", "gone=1; Max-Age=0")
            moved.append("set-cookie", "foreign=1; Domain=else.test")
            return new Response(null, { status: 302, headers: moved })
          })
          const outcome = yield* Effect.exit(text({ url: url(port), keepCookies }))
          return {
            success: outcome._tag === "Success",
            sent: requests.map(({ headers }) => headers.get("cookie"))
          }
        })
      // The site redirects to itself until the cookie is sent.
      expect(yield* cookiesOf(true)).toEqual({ success: true, sent: [null, "seen=1", null] })
      expect((yield* cookiesOf(false)).success).toBe(false)
    }).pipe(Effect.provide(client()))
  )

  it.live("closes the connection of the previous hop", () =>
    Effect.gen(function* () {
      const end = yield* site(() => new Response("end"))
      const entry = yield* rawSite((socket) => {
        socket.write(
          `HTTP/1.1 302 Found\r\nLocation: http://site.test:${end.port}/\r\nContent-Length: 10\r\n\r\nhalf`
        )
      })
      const { status } = yield* request({ url: url(entry.port) })
      expect(status).toBe(200)
      yield* entry.closed
    }).pipe(Effect.provide(client()))
  )
})

describe.skipIf(openssl === null)("the certificate of a server", () => {
  test("is checked for the requested name, at the resolved address", () =>
    Effect.gen(function* () {
      const tls = yield* certificate("DNS:site.test", "IP:127.0.0.1")
      const { port, requests } = yield* site(() => new Response("secure"), tls)
      const plain = yield* site(() => new Response("plain"))
      const outcome = (to: string, ca?: string) =>
        text({ url: to, timeout: "5 seconds" }).pipe(
          Effect.match({ onFailure: ({ reason }) => reason, onSuccess: (body) => body }),
          Effect.provide(client(ca === undefined ? {} : { ca }))
        )
      expect(yield* outcome(`https://site.test:${port}/`, tls.cert)).toBe("secure")
      expect(yield* outcome(`https://127.0.0.1:${port}/`, tls.cert)).toBe("secure")
      expect(requests.map(({ headers }) => headers.get("host"))).toEqual([
        `site.test:${port}`,
        `127.0.0.1:${port}`
      ])
      // The same address under a name that the certificate does not have, right after one that it has.
      expect(yield* outcome(`https://other.test:${port}/`, tls.cert)).toBe("tls")
      expect(yield* outcome(`https://site.test:${port}/`)).toBe("tls")
      expect(yield* outcome(`https://site.test:${plain.port}/`, tls.cert)).toBe("tls")
      expect(requests).toHaveLength(2)
    }).pipe(Effect.scoped, Effect.runPromise))
})

describe("an invalid response", () => {
  const wrong: ReadonlyArray<readonly [about: string, bytes: string, reasons: ReadonlyArray<string>]> = [
    ["no bytes", "", ["connect"]],
    ["another protocol", "SSH-2.0-OpenSSH_9.9\r\n", ["response"]],
    ["no status line", "<html>hello</html>\r\n\r\n", ["response"]],
    ["a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nabcdef", ["response"]],
    [
      "a length beyond integers",
      `HTTP/1.1 200 OK\r\nContent-Length: ${"9".repeat(30)}\r\n\r\nabc`,
      ["response"]
    ],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", ["response"]],
    ["a length that is too long", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", ["body", "connect"]],
    ["half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc", ["body", "connect"]],
    [
      "no last chunk",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
      ["body", "connect"]
    ],
    [
      "chunks without a size",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n",
      ["body", "response"]
    ],
    ["a NUL in a header", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\nok", ["response"]],
    ["5,000 headers", `HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(5000)}\r\nabc`, ["response"]],
    [
      "a protocol upgrade that was not requested",
      "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
      ["response"]
    ],
    ["an unknown encoding", "HTTP/1.1 200 OK\r\nContent-Encoding: x-mine\r\n\r\nabc", ["body"]],
    ["three nested encodings", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip, gzip\r\n\r\nabc", ["body"]],
    ["invalid deflate", "HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n<p>abc", ["body"]],
    ["invalid brotli", "HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n<p>abc", ["body"]]
  ]
  it.live("fails by its kind and never hangs", () =>
    Effect.gen(function* () {
      for (const [about, bytes, reasons] of wrong) {
        const { port } = yield* rawSite((socket) => socket.end(bytes, "latin1"))
        const reason = yield* reasonOf({ url: url(port), timeout: "5 seconds" })
        expect({ about, reason, expected: reasons.includes(reason) }).toMatchObject({ about, expected: true })
      }
    }).pipe(Effect.provide(client()))
  )

  it.live("with a length that is too short ends the body there", () =>
    Effect.gen(function* () {
      const { port } = yield* rawSite((socket) =>
        socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok, and more")
      )
      expect(yield* text({ url: url(port) })).toBe("ok")
    }).pipe(Effect.provide(client()))
  )

  it.live("with an endless head fails soon", () =>
    Effect.gen(function* () {
      const { closed, port } = yield* rawSite((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n")
        forever(socket, `x: ${"y".repeat(8000)}\r\n`)
      })
      expect(yield* reasonOf({ url: url(port), timeout: "20 seconds" })).toBe("response")
      yield* closed
    }).pipe(Effect.provide(client()))
  )
})

describe("limits in bytes:", () => {
  it.live("an endless body is truncated or rejected, and its connection closed", () =>
    Effect.gen(function* () {
      const endless = rawSite((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        forever(socket, new Uint8Array(65_536))
      })
      const first = yield* endless
      const cut = yield* Effect.flatMap(request({ url: url(first.port) }), ({ prefix }) => prefix).pipe(
        Effect.scoped
      )
      expect([cut.bytes.length, cut.truncated]).toEqual([1_000_000, true])
      yield* first.closed
      const second = yield* endless
      expect(yield* reasonOf({ url: url(second.port) })).toBe("body")
      yield* second.closed
      const third = yield* endless
      let received = 0
      const streamed = yield* request({ url: url(third.port), maxBytes: 100_000 }).pipe(
        Effect.flatMap(({ body }) =>
          Stream.runForEach(body, ({ length }) => Effect.sync(() => (received += length)))
        ),
        Effect.scoped,
        Effect.flip
      )
      expect(streamed.reason).toBe("body")
      expect(received).toBeLessThanOrEqual(100_000)
      yield* third.closed
    }).pipe(Effect.provide(client({ outbound: { max_bytes: 1_000_000 } })))
  )

  it.live("a body of exactly the limit is complete", () =>
    Effect.gen(function* () {
      const { port } = yield* site(() => new Response("x".repeat(1000)))
      const { prefix } = yield* request({ url: url(port), maxBytes: 1000 })
      expect((yield* prefix).truncated).toBe(false)
      expect(yield* reasonOf({ url: url(port), maxBytes: 999 })).toBe("body")
    }).pipe(Effect.provide(client()))
  )

  const packed: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array>> = {
    gzip: Bun.gzipSync,
    "x-gzip": Bun.gzipSync,
    GZIP: Bun.gzipSync,
    deflate: (bytes) => deflateSync(bytes),
    br: (bytes) => brotliCompressSync(bytes),
    zstd: (bytes) => Bun.zstdCompressSync(bytes)
  }

  it.live("compressed bodies are decoded to their original", () =>
    Effect.gen(function* () {
      const body = "compressed ".repeat(1000)
      for (const [encoding, pack] of Object.entries(packed)) {
        const { port } = yield* site(
          () =>
            new Response(pack(new TextEncoder().encode(body)), { headers: { "content-encoding": encoding } })
        )
        expect(yield* text({ url: url(port) })).toBe(body)
      }
    }).pipe(Effect.provide(client()))
  )

  it.live("compressed bodies with trailing bytes, several members or two codings are decoded", () =>
    Effect.gen(function* () {
      const body = new TextEncoder().encode("compressed ".repeat(30_000))
      const gzip = Bun.gzipSync(body)
      const bodies: ReadonlyArray<
        readonly [encoding: string, bytes: ReadonlyArray<Uint8Array>, times: number]
      > = [
        ["deflate", [deflateRawSync(body)], 1],
        ["gzip", [gzip, new Uint8Array(4)], 1],
        ["gzip", [gzip, Buffer.from("\n \n\n".repeat(10))], 1],
        ["gzip", [gzip, gzip, new Uint8Array(600)], 2],
        ["deflate", [deflateSync(body), Buffer.from("\r\n")], 1],
        ["deflate", [deflateRawSync(body), Buffer.from("\r\n")], 1],
        ["br", [brotliCompressSync(body), Buffer.from("\r\n")], 1],
        ["br, gzip", [Bun.gzipSync(new Uint8Array(brotliCompressSync(body)))], 1],
        ["identity, gzip", [gzip], 1],
        ["gzip", [body], 1]
      ]
      for (const [encoding, parts, times] of bodies) {
        const whole = Buffer.concat(parts)
        for (const pieces of [1, 97]) {
          const { port } = yield* rawSite((socket) => {
            socket.write(
              `HTTP/1.1 200 OK\r\nContent-Encoding: ${encoding}\r\nContent-Length: ${whole.length}\r\n\r\n`
            )
            const size = Math.ceil(whole.length / pieces)
            for (let at = 0; at < whole.length; at += size) socket.write(whole.subarray(at, at + size))
          })
          const read = yield* Effect.flatMap(request({ url: url(port) }), ({ bytes }) => bytes)
          expect([encoding, read.length]).toEqual([encoding, body.length * times])
        }
      }
    }).pipe(Effect.provide(client()))
  )

  it.live("the part of a damaged body that arrived is kept, with a note", () =>
    Effect.gen(function* () {
      const whole = Bun.gzipSync(
        new TextEncoder().encode(Array.from({ length: 20_000 }, (_, index) => index).join(" "))
      )
      const { port } = yield* site(
        () => new Response(whole.subarray(0, -4000), { headers: { "content-encoding": "gzip" } })
      )
      const { prefix } = yield* request({ url: url(port) })
      const { bytes, damage, truncated } = yield* prefix
      expect(decoder.decode(bytes)).toStartWith("0 1 2 3")
      expect([truncated, damage?.reason]).toEqual([true, "body"])
    }).pipe(Effect.provide(client()))
  )

  it.live("a decompression bomb is truncated at the limit in a few megabytes of memory", () =>
    Effect.gen(function* () {
      const zeros = new Uint8Array(200_000_000)
      for (const encoding of ["gzip", "deflate", "zstd"]) {
        const bomb = packed[encoding]?.(zeros) ?? new Uint8Array()
        const { port } = yield* site(() => new Response(bomb, { headers: { "content-encoding": encoding } }))
        const growth = Effect.gen(function* () {
          Bun.gc(true)
          const before = process.memoryUsage.rss()
          const { bytes, truncated } = yield* Effect.flatMap(
            request({ url: url(port) }),
            ({ prefix }) => prefix
          )
          expect([bytes.length, truncated]).toEqual([1_000_000, true])
          return process.memoryUsage.rss() - before
        })
        expect(yield* leastOf(64_000_000, growth)).toBeLessThan(64_000_000)
      }
    }).pipe(Effect.provide(client({ outbound: { max_bytes: 1_000_000 } })))
  )

  it.live("compressed text that is truncated is an error", () =>
    Effect.gen(function* () {
      const whole = Bun.gzipSync(new TextEncoder().encode("a sentence ".repeat(1000)))
      const { port } = yield* site(
        () => new Response(whole.subarray(0, 40), { headers: { "content-encoding": "gzip" } })
      )
      expect(yield* reasonOf({ url: url(port) })).toBe("body")
    }).pipe(Effect.provide(client()))
  )
})

describe("limits in time", () => {
  const heads = {
    "a server that sends nothing": "",
    "a server that stops within the head": "HTTP/1.1 200 OK\r\nX: ",
    "a server that stops within the body": "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
  }
  for (const [about, bytes] of Object.entries(heads)) {
    it.live(`end a request to ${about}`, () =>
      Effect.gen(function* () {
        const { closed, port } = yield* rawSite((socket) => void (bytes !== "" && socket.write(bytes)))
        const started = yield* Clock.currentTimeMillis
        expect(yield* reasonOf({ url: url(port), timeout: "200 millis" })).toBe("timeout")
        expect((yield* Clock.currentTimeMillis) - started).toBeLessThan(2000)
        yield* closed
      }).pipe(Effect.provide(client()))
    )
  }

  it.live("apply to the whole exchange, even if its body arrives steadily", () =>
    Effect.gen(function* () {
      const { closed, port } = yield* rawSite((socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n")
        const drip = setInterval(() => socket.write("."), 10)
        socket.on("close", () => clearInterval(drip))
      })
      expect(yield* reasonOf({ url: url(port), timeout: "300 millis" })).toBe("timeout")
      yield* closed
    }).pipe(Effect.provide(client()))
  )
})

describe("interruption", () => {
  it.live("closes a connection that waits for a response", () =>
    Effect.gen(function* () {
      const { asked, closed, port } = yield* rawSite(() => {})
      const fiber = yield* Effect.forkChild(text({ url: url(port) }))
      yield* asked
      yield* Fiber.interrupt(fiber)
      yield* closed
    }).pipe(Effect.provide(client()))
  )

  it.live("closes a connection whose body is being read", () =>
    Effect.gen(function* () {
      const { closed, port } = yield* rawSite((socket) => void socket.write("HTTP/1.1 200 OK\r\n\r\nabc"))
      const reading = yield* Deferred.make<void>()
      const fiber = yield* request({ url: url(port) }).pipe(
        Effect.flatMap(({ body }) => Stream.runForEach(body, () => Deferred.succeed(reading, undefined))),
        Effect.scoped,
        Effect.forkChild
      )
      yield* Deferred.await(reading)
      yield* Fiber.interrupt(fiber)
      yield* closed
    }).pipe(Effect.provide(client()))
  )
})
