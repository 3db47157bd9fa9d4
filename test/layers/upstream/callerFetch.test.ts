/** The `fetch` for URLs of callers over plain HTTP: headers, bodies, encodings and limits. */
import { expect } from "bun:test"
import { Effect } from "effect"
import * as outbound from "../../../layers/outbound/section.ts"
import { ConfigSource } from "../../../layers/config/ConfigSource.ts"
import { Dns } from "../../../layers/platform/Dns.ts"
import { callerFetch } from "../../../layers/upstream/callerFetch.ts"
import { it } from "../../support/effect.ts"
import { put, serve } from "../../support/httpPeers.ts"
import { site } from "../../support/sites.ts"

const maxBytes = 1000

/** The `fetch`, and what it makes of a response: the text of the body, or the message of the error. */
const fetchingFrom = (port: number) =>
  Effect.gen(function* () {
    const settings = yield* (yield* ConfigSource).read(outbound.section)
    const fetch = callerFetch({ settings, dns: yield* Dns, allowPrivate: true, maxBytes, instance: "own" })
    const text = (init?: RequestInit) =>
      Effect.promise(() =>
        fetch(`http://upstream.test:${port}/mcp?a=b`, init as Parameters<typeof fetch>[1])
          .then((response) => response.text())
          .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      )
    return text
  }).pipe(Effect.provide([Dns.layerTest(() => ["127.0.0.1"]), ConfigSource.layerFrom({})]))

const fetching = (respond: (request: Request) => Response | Promise<Response>) =>
  Effect.gen(function* () {
    const { port, requests } = yield* site(respond)
    return { requests, text: yield* fetchingFrom(port), port }
  })

it.live("headers of any form are sent, with the name of the host and the id of this service", () =>
  Effect.gen(function* () {
    const { port, requests, text } = yield* fetching(({ url }) => new Response(new URL(url).search))
    const forms = [
      { "X-One": "1" },
      new Headers({ "X-One": "1" }),
      [["X-One", "1"]] as Array<[string, string]>
    ]
    for (const headers of forms) expect(yield* text({ headers })).toBe("?a=b")
    for (const request of requests) {
      expect(Object.fromEntries(request.headers)).toMatchObject({
        "x-one": "1",
        host: `upstream.test:${port}`,
        "manifold-instance": "own",
        "accept-encoding": "identity"
      })
    }
    expect(requests).toHaveLength(3)
  })
)

it.live("bodies are texts, bytes and forms", () =>
  Effect.gen(function* () {
    const { text } = yield* fetching(
      async (request) =>
        new Response(`${request.headers.get("content-type")?.split(";")[0]} ${await request.text()}`)
    )
    const headers = { "content-type": "text/plain" }
    const bodies: ReadonlyArray<RequestInit> = [
      { headers, body: "é" },
      { headers, body: new TextEncoder().encode("é") },
      { body: new URLSearchParams({ a: "é" }) }
    ]
    const results = yield* Effect.forEach(bodies, (init) => text({ method: "POST", ...init }))
    expect(results).toEqual(["text/plain é", "text/plain é", "application/x-www-form-urlencoded a=%C3%A9"])
  })
)

/** A server that encodes although it is asked not to. */
const encoded = (encoding: string, body: Uint8Array<ArrayBuffer>) =>
  fetching(() => new Response(body, { headers: { "content-encoding": encoding } }))

it.live("an encoded body is decoded, and an unknown encoding fails", () =>
  Effect.gen(function* () {
    const { text } = yield* encoded("gzip", Bun.gzipSync("hello"))
    expect(yield* text()).toBe("hello")
    const unknown = yield* encoded("rot13", new TextEncoder().encode("uryyb"))
    expect(yield* unknown.text()).toBe('the body is encoded as "rot13", which is not supported')
  })
)

it.live("a stream with an unknown encoding does not keep its connection", () =>
  Effect.gen(function* () {
    for (const encoding of ["rot13", "rot13, gzip", "gzip, rot13", "gzip, gzip, gzip"]) {
      const { peers, port } = serve((peer) => {
        const fields = `content-encoding: ${encoding}\r\ncontent-type: text/event-stream`
        put(peer, `HTTP/1.1 200 OK\r\n${fields}\r\n\r\nuryyb`)
      })
      const text = yield* fetchingFrom(port)
      expect(yield* text()).toMatch(/not supported|compressed more than/)
      yield* Effect.promise(async () => peers[0]?.data.ended.promise)
      expect(peers).toHaveLength(1)
    }
  })
)

it.live(
  "a body may have as many bytes as the limit, also decoded, and an event stream each of its lines",
  () =>
    Effect.gen(function* () {
      const tooLarge = `the server sent a message of more than ${maxBytes} bytes`
      const lines = `data: ${"x".repeat(maxBytes - 10)}\n\n`
      const cases = [
        ["x".repeat(maxBytes), "application/json", true],
        ["x".repeat(maxBytes + 1), "application/json", false],
        [lines.repeat(3), "text/event-stream", true],
        [`data: ${"x".repeat(maxBytes)}`, "text/event-stream", false],
        // An error is read as a whole.
        [lines, "text/event-stream", true, 500],
        [lines.repeat(3), "text/event-stream", false, 500]
      ] as const
      for (const [body, type, passes, status = 200] of cases) {
        const init = { headers: { "content-type": type }, status }
        const { text } = yield* fetching(() => new Response(body, init))
        expect(yield* text()).toBe(passes ? body : tooLarge)
        // Without a length.
        const streamed = yield* fetching(() => new Response(new Blob([body]).stream(), init))
        expect(yield* streamed.text()).toBe(passes ? body : tooLarge)
      }
      const bomb = yield* encoded("gzip", Bun.gzipSync("x".repeat(maxBytes + 1)))
      expect(yield* bomb.text()).toBe(tooLarge)
    })
)
