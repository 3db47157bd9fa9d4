/** Floods over HTTP/2: the listener ends the connection, or holds at most what one connection may, and serves others. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { certificate, machine } from "../../support/certificate.ts"
import { it } from "../../support/effect.ts"
import {
  dialHttp2,
  endHeaders,
  endStream,
  fields,
  frame,
  type Http2Connection,
  request,
  types
} from "../../support/http2Frames.ts"
import { listen } from "../../support/listener.ts"

const authority = "localhost"
/** RFC 9113, section 7. */
const enhanceYourCalm = 11
const cancel = Buffer.from([0, 0, 0, 8])

const serving = Effect.gen(function* () {
  const tls = yield* Effect.provide(certificate, machine)
  let running = 0
  let most = 0
  let count = 0
  const hang = ({ signal }: Request) =>
    new Promise<Response>((resolve) => {
      running++
      count++
      most = Math.max(most, running)
      signal.addEventListener("abort", () => {
        running--
        resolve(new Response())
      })
    })
  const { port } = yield* listen(
    [
      { paths: ["/hang"], fetch: hang },
      { paths: ["/large"], fetch: () => new Response("x".repeat(4 * 1024 * 1024)) },
      { paths: ["/"], fetch: ({ headers }) => new Response(String([...headers].length)) }
    ],
    { tls, idleTimeout: "1 second" }
  )
  return { port, count: () => count, most: () => most }
})

const open = (port: number) => Effect.promise(() => dialHttp2(port, authority))

/** Sends until the connection ends, at most so often. */
const flood = (connection: Http2Connection, times: number, bytes: (index: number) => Uint8Array) =>
  Effect.promise(async () => {
    for (let index = 0; index < times && !connection.isClosed(); index += 100) {
      const parts = Array.from({ length: 100 }, (_, offset) => bytes(index + offset))
      await connection.write(Buffer.concat(parts))
      // Lets the events of the socket in.
      await new Promise((resolve) => setImmediate(resolve))
    }
  })

/** Another client is served meanwhile. */
const isServing = (port: number) =>
  Effect.promise(async () => {
    const response = await fetch(`https://localhost:${port}/`, { tls: { rejectUnauthorized: false } })
    return response.status === 200
  })

const begin =
  (path = "/", flags = endHeaders | endStream) =>
  (index: number) =>
    frame(types.headers, flags, 2 * index + 1, request({ authority, path }))
const reset = (index: number) => frame(types.reset, 0, 2 * index + 1, cancel)

const ended: Readonly<Record<string, (connection: Http2Connection) => Effect.Effect<void>>> = {
  "streams that are reset at once": (connection) =>
    flood(connection, 20_000, (index) => Buffer.concat([begin("/hang")(index), reset(index)])),
  "streams that the listener must reset": (connection) =>
    flood(connection, 20_000, (index) =>
      Buffer.concat([begin("/hang")(index), frame(types.windowUpdate, 0, 2 * index + 1, Buffer.alloc(4))])
    ),
  "fields without end": (connection) =>
    Effect.andThen(
      Effect.promise(() => connection.write(begin("/", endStream)(0))),
      flood(connection, 20_000, (index) =>
        frame(types.continuation, 0, 1, fields([[`x-${index}`, "y".repeat(100)]]))
      )
    ),
  "empty continuations": (connection) =>
    Effect.andThen(
      Effect.promise(() => connection.write(begin("/", endStream)(0))),
      flood(connection, 20_000, () => frame(types.continuation, 0, 1))
    ),
  "1000 fields": (connection) => {
    const many = fields(Array.from({ length: 1000 }, (_, index) => [`x-${index}`, "y"] as const))
    const bytes = Buffer.concat([begin("/", endStream)(0), frame(types.continuation, endHeaders, 1, many)])
    return Effect.promise(() => connection.write(bytes))
  },
  "64 KB of fields": (connection) => {
    const parts = Array.from({ length: 8 }, (_, index) =>
      frame(types.continuation, index === 7 ? endHeaders : 0, 1, fields([[`x-${index}`, "y".repeat(8000)]]))
    )
    return Effect.promise(() => connection.write(Buffer.concat([begin("/", endStream)(0), ...parts])))
  },
  "a field of 3.9 KB that is repeated 15,000 times by its index": (connection) => {
    const value = Buffer.alloc(3900, "b")
    // With incremental indexing (RFC 7541, section 6.2.1), then by index 62 (section 6.1).
    const stored = Buffer.concat([Buffer.from([0x40, 1, 0x78, 127, 0xbd, 0x1d]), value])
    const block = Buffer.concat([request({ authority }), stored])
    const bytes = Buffer.concat([
      frame(types.headers, endStream, 1, block),
      frame(types.continuation, endHeaders, 1, Buffer.alloc(15_000, 0x80 | 62))
    ])
    return Effect.promise(() => connection.write(bytes))
  }
}

it.live("floods of streams and fields end their connection", () =>
  Effect.gen(function* () {
    const { count, most, port } = yield* serving
    for (const [name, attack] of Object.entries(ended)) {
      const connection = yield* open(port)
      yield* attack(connection)
      const code = yield* Effect.promise(connection.goneAway)
      expect([name, code, yield* isServing(port)]).toEqual([name, enhanceYourCalm, true])
    }
    // About 1,000 streams of each of the first two reached the route.
    expect(count()).toBeLessThan(3000)
    expect(most()).toBeLessThanOrEqual(256)
  })
)

it.live("a connection has at most 256 streams, and floods of other frames delay nothing", () =>
  Effect.gen(function* () {
    const { most, port } = yield* serving
    const connection = yield* open(port)
    yield* flood(connection, 1000, begin("/hang"))
    // REFUSED_STREAM: the client may send the request again.
    yield* Effect.promise(() =>
      connection.until(({ payload, type }) => type === types.reset && payload.readUInt32BE() === 7)
    )
    expect(most()).toBe(256)
    for (const bytes of [
      frame(types.settings, 0, 0, Buffer.from([0, 3, 0, 0, 0, 100])),
      frame(types.ping, 0, 0, Buffer.alloc(8)),
      frame(types.priority, 0, 1, Buffer.from([0, 0, 0, 0, 16]))
    ]) {
      const other = yield* open(port)
      yield* flood(other, 20_000, () => bytes)
      expect(yield* isServing(port)).toBe(true)
      other.end()
    }
    connection.end()
  })
)

it.live("a client that opens no window holds its connection for the idle time-out only", () =>
  Effect.gen(function* () {
    const { port } = yield* serving
    const connection = yield* open(port)
    const noWindow = frame(types.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0, 0]))
    const requests = Array.from({ length: 20 }, (_, index) => begin("/large")(index))
    yield* Effect.promise(() => connection.write(Buffer.concat([noWindow, ...requests])))
    yield* Effect.promise(connection.goneAway)
    expect(connection.frames.filter(({ type }) => type === types.data)).toEqual([])
    expect(yield* isServing(port)).toBe(true)
  })
)
