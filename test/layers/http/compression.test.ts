/** Compressed responses, read by curl over HTTP/1.1 and HTTP/2, and streams that are flushed for each chunk. */
import { describe, expect, test } from "bun:test"
import zlib from "node:zlib"
import { Effect } from "effect"
import * as Compression from "../../../layers/http/compression.ts"
import { type Encoding, encodings } from "../../../layers/http/contentCodings.ts"
import type { Route } from "../../../layers/http/Routes.ts"
import { certificate, machine, possible } from "../../support/certificate.ts"
import { type Answer, curl } from "../../support/curl.ts"
import { it } from "../../support/effect.ts"
import { listen } from "../../support/listener.ts"

const long = JSON.stringify(Array.from({ length: 100 }, (_, index) => ({ name: `tool ${index}` })))
const huge = JSON.stringify(Array.from({ length: 20_000 }, (_, index) => ({ name: `tool ${index}` })))
const short = '{"short":true}'

const undo: Record<Encoding, (bytes: Uint8Array) => Uint8Array> = {
  zstd: zlib.zstdDecompressSync,
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  deflate: zlib.inflateSync
}
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const accept = (value: string) => ["-H", `Accept-Encoding: ${value}`]

const respondWith = (
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {}
) => ({
  paths: [path],
  fetch: () => new Response(body, { headers: { "content-type": "application/json", ...headers } })
})
const routes: ReadonlyArray<Route<string>> = [
  respondWith("/long", long),
  respondWith("/huge", huge),
  respondWith("/short", short),
  respondWith("/text", long, { "content-type": "text/plain" }),
  respondWith("/image", long, { "content-type": "image/png" }),
  respondWith("/done", Bun.gzipSync(long), { "content-encoding": "gzip" }),
  respondWith("/fixed", long, { "cache-control": "no-transform" }),
  { ...respondWith("/raw", long), raw: true },
  { paths: ["/none"], fetch: () => new Response(null, { status: 204 }) },
  { paths: ["/missing"], fetch: () => Response.json({ long }, { status: 404 }) }
]

const plain = ({ body, headers, status }: Answer, expected: string) => {
  expect([status, headers.get("content-encoding"), text(body)]).toEqual([200, undefined, expected])
}

describe("a complete response", () => {
  test.skipIf(!possible)("is compressed in every coding, over HTTP/1.1 and HTTP/2, by GET and by POST", () =>
    Effect.gen(function* () {
      const tls = yield* certificate
      const { url } = yield* listen(routes, { tls })
      for (const [option, version] of [
        ["--http1.1", "1.1"],
        ["--http2", "2"]
      ] as const) {
        for (const encoding of encodings) {
          for (const [path, body] of [
            ["/long", long],
            ["/huge", huge],
            ["/text", long]
          ] as const) {
            for (const method of [[], ["-d", "{}"]]) {
              const got = yield* curl(url + path, "-k", option, ...accept(encoding), ...method)
              expect([got.version, got.status]).toEqual([version, 200])
              expect(got.headers.get("content-encoding")).toBe(encoding)
              expect(got.headers.get("vary")).toBe("Accept-Encoding")
              expect(Number(got.headers.get("content-length"))).toBe(got.body.length)
              expect(got.body.length).toBeLessThan(body.length / 2)
              expect(text(undo[encoding](got.body))).toBe(body)
            }
          }
        }
        const decoded = yield* curl(`${url}/long`, "-k", option, "--compressed")
        expect(text(decoded.body)).toBe(long)
      }
    }).pipe(Effect.scoped, Effect.provide(machine), Effect.runPromise)
  )

  it.live("is not compressed if that is wrong or saves nothing", () =>
    Effect.gen(function* () {
      const { url } = yield* listen(routes)
      plain(yield* curl(`${url}/short`, ...accept("gzip")), short)
      for (const path of ["/image", "/fixed", "/raw"]) {
        plain(yield* curl(url + path, ...accept("gzip")), long)
      }
      for (const header of ["identity", "gzip;q=0", "gzip;q=7", "b(r", "compress"]) {
        plain(yield* curl(`${url}/long`, ...accept(header)), long)
      }
      plain(yield* curl(`${url}/long`), long)
      const once = yield* curl(`${url}/done`, ...accept("br, zstd"))
      expect(once.headers.get("content-encoding")).toBe("gzip")
      expect(text(zlib.gunzipSync(once.body))).toBe(long)
      const none = yield* curl(`${url}/none`, ...accept("gzip"))
      expect([none.status, none.headers.get("content-encoding"), none.body.length]).toEqual([
        204,
        undefined,
        0
      ])
    })
  )

  it.live("to a client that refuses identity is compressed, or 406 if the request changed nothing yet", () =>
    Effect.gen(function* () {
      const { url } = yield* listen(routes)
      const small = yield* curl(`${url}/short`, ...accept("identity;q=0, gzip"))
      expect(text(zlib.gunzipSync(small.body))).toBe(short)
      const refused = yield* curl(`${url}/long`, ...accept("*;q=0"))
      expect([refused.status, refused.headers.get("vary")]).toEqual([406, "Accept-Encoding"])
      expect((yield* curl(`${url}/missing`, ...accept("*;q=0"))).status).toBe(404)
      plain(yield* curl(`${url}/long`, ...accept("*;q=0"), "-d", "{}"), long)
    })
  )

  it.live("to HEAD has the headers of GET", () =>
    Effect.gen(function* () {
      const { url } = yield* listen(routes)
      const get = yield* curl(`${url}/long`, ...accept("gzip"))
      const head = yield* curl(`${url}/long`, ...accept("gzip"), "--head")
      expect(head.body).toHaveLength(0)
      for (const name of ["content-type", "content-encoding", "content-length", "vary"]) {
        expect([name, head.headers.get(name)]).toEqual([name, get.headers.get(name)])
      }
    })
  )

  it.live("ignores Range and conditional headers in every form", () =>
    Effect.gen(function* () {
      const { url } = yield* listen(routes)
      for (const header of [
        "Range: bytes=0-1",
        "Range: bytes=5-1",
        "Range: bytes=-99999999999999999999",
        "Range: lines=1,2,,;",
        "If-Match: *",
        "If-None-Match: *",
        'If-None-Match: W/"',
        "If-Modified-Since: yesterday",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
        "If-Range: x"
      ]) {
        plain(yield* curl(`${url}/long`, "-H", header), long)
      }
    })
  )
})

describe("a compressed stream", () => {
  for (const encoding of encodings) {
    it.live(`in ${encoding} lets each chunk be read before the next is written`, () =>
      Effect.gen(function* () {
        let write: ReadableStreamDefaultController<Uint8Array> | undefined
        const source = new ReadableStream<Uint8Array>({
          start: (controller) => {
            write = controller
          }
        })
        const stream: Route<string> = {
          paths: ["/stream"],
          fetch: (request) => {
            const coded = Compression.stream(request, source)
            return new Response(coded.body, {
              headers: { "content-type": "application/x-ndjson", ...coded.headers }
            })
          }
        }
        const { url } = yield* listen([stream])
        write?.enqueue(Buffer.from("line 0\n"))
        yield* Effect.promise(async () => {
          const response = await fetch(`${url}/stream`, { headers: { "accept-encoding": encoding } })
          expect(response.headers.get("content-encoding")).toBe(encoding)
          const reader = (response.body as ReadableStream<Uint8Array>).getReader()
          const decoder = new TextDecoder()
          let read = ""
          for (let line = 0; line < 50; line++) {
            // Bun decodes as it receives: a line that is not flushed would never arrive.
            while (!read.endsWith(`line ${line}\n`)) {
              read += decoder.decode((await reader.read()).value, { stream: true })
            }
            write?.enqueue(Buffer.from(`line ${line + 1}\n`))
          }
          write?.close()
          for (;;) {
            const { done, value } = await reader.read()
            if (done) break
            read += decoder.decode(value)
          }
          expect(read).toBe(Array.from({ length: 51 }, (_, line) => `line ${line}\n`).join(""))
        })
      })
    )
  }

  it.live("cancels its source when its reader disconnects", () =>
    Effect.gen(function* () {
      const cancelled = Promise.withResolvers<void>()
      const request = new Request("http://localhost", { headers: { "accept-encoding": "gzip" } })
      const source = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(Buffer.from("first")),
        cancel: () => cancelled.resolve()
      })
      yield* Effect.promise(async () => {
        const reader = Compression.stream(request, source).body.getReader()
        await reader.read()
        await reader.cancel()
        await cancelled.promise
      })
    })
  )

  it.live("applies back-pressure to its source while its reader is slow", () =>
    Effect.gen(function* () {
      let pulled = 0
      const request = new Request("http://localhost", { headers: { "accept-encoding": "gzip" } })
      const source = new ReadableStream<Uint8Array>(
        {
          pull: (controller) => {
            pulled++
            controller.enqueue(new Uint8Array(1000))
          }
        },
        { highWaterMark: 0 }
      )
      yield* Effect.promise(async () => {
        const reader = Compression.stream(request, source).body.getReader()
        await reader.read()
        await new Promise((resolve) => setImmediate(resolve))
        expect(pulled).toBe(1)
        await reader.cancel()
      })
    })
  )
})

test.each(["gzip", "br", "zstd"])(
  "a compressed stream whose source fails has the same failure (%s)",
  async (encoding) => {
    const source = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error("the source is gone"))
    })
    const request = new Request("http://localhost/", { headers: { "accept-encoding": encoding } })
    const { body } = Compression.stream(request, source)
    expect(await new Response(body).text().catch((error: Error) => error.message)).toBe("the source is gone")
  }
)
