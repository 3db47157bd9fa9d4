/** The circuit of an application: clients cannot open it, nor keep it open, with requests that fail because of them. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { Circuit } from "../../layers/edge/proxy/Circuit.ts"
import { it } from "../support/effect.ts"
import {
  dialHttp2,
  endHeaders,
  endStream,
  frame,
  request as http2Request,
  types
} from "../support/http2Frames.ts"
import { backend, publishing } from "../support/proxies.ts"
import { dial, raw } from "../support/rawHttp.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

const wait = <A>(promise: Promise<A>) => Effect.promise(() => promise)
const host = "Host: app.example.com"
/** More than the failures that open the circuit. */
const many = [1, 2, 3, 4, 5, 6, 7]

const handshake = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
]

it.live("WebSockets that the application rejects, and malformed or cut bodies, do not open it", () =>
  Effect.gen(function* () {
    const app = yield* backend(async (request) => new Response(await request.text()))
    const { port, request } = yield* publishing(app.url)
    const good = () => wait(request("/", { method: "POST", body: "x" }).then((response) => response.text()))
    for (const _ of many) {
      const reply = yield* wait(raw(port, ["GET / HTTP/1.1", host, ...handshake, "", ""].join("\r\n")))
      expect(reply.status).toBe(502)
    }
    expect(yield* good()).toBe("x")
    const chunked = ["POST / HTTP/1.1", host, "Transfer-Encoding: chunked", "", ""].join("\r\n")
    const counted = (length: number) =>
      ["POST / HTTP/1.1", host, `Content-Length: ${length}`, "", ""].join("\r\n")
    for (const bytes of [
      `${chunked}5\r\nhello\r\nnonsense\r\n`,
      `${chunked}5\r\nhello, which is too long`,
      `${chunked}5\r\nhello\r\n`,
      `${counted(100)}hello`,
      `${counted(1_000_000)}hello`
    ]) {
      for (const _ of many) {
        const connection = dial(port)
        connection.write(bytes)
        connection.finish()
        yield* wait(connection.closed)
      }
      expect([bytes, yield* good()]).toEqual([bytes, "x"])
    }
  })
)

it.live("requests over HTTP/2 without a path, and reset streams, do not open it", () =>
  Effect.gen(function* () {
    const { port, publishAll, send } = yield* tlsEdge()
    const app = yield* backend(async (request) => new Response(await request.text()))
    const [base = ""] = yield* publishAll([{ hostname: "app.example.net", target_url: app.url }])
    const connection = yield* wait(dialHttp2(port, "app.example.net"))
    const authority = "app.example.net"
    let stream = -1
    for (const _ of many) {
      stream += 2
      const block = http2Request({ authority, method: "OPTIONS", path: "*" })
      yield* wait(connection.write(frame(types.headers, endHeaders | endStream, stream, block)))
      const id = stream
      yield* wait(connection.until((each) => each.stream === id && each.type === types.headers))
      // `:status` 400 of the static table (RFC 7541, appendix A).
      expect(connection.frames.find((each) => each.stream === id)?.payload[0]).toBe(0x80 | 12)
    }
    for (const _ of many) {
      stream += 2
      const block = http2Request({ authority, method: "POST" }, [["content-length", "100000"]])
      yield* wait(connection.write(frame(types.headers, endHeaders, stream, block)))
      yield* wait(connection.write(frame(types.data, 0, stream, Buffer.alloc(10))))
      yield* wait(connection.write(frame(types.reset, 0, stream, Buffer.from([0, 0, 0, 8]))))
    }
    const response = yield* wait(send(`${base}/`, { method: "POST", body: "x" }))
    expect([response.status, yield* wait(response.text())]).toEqual([200, "x"])
    connection.end()
  })
)

it.live("slow requests that time out do not open it while the application responds to others", () =>
  Effect.gen(function* () {
    const app = yield* backend(({ url }) =>
      url.endsWith("/slow") ? new Promise<Response>(() => {}) : new Response("fast")
    )
    const { request } = yield* publishing(app.url, { response_timeout: 0.5 })
    const slow = many.map(() => request("/slow").then(({ status }) => status))
    expect((yield* wait(request("/"))).status).toBe(200)
    expect(yield* wait(Promise.all(slow))).toEqual(many.map(() => 504))
    expect((yield* wait(request("/"))).status).toBe(200)
  })
)

test("a probe that its client sends slowly delays the next one by a second only", () => {
  const circuit = new Circuit()
  for (const began of [0, 1, 2, 3, 4]) {
    expect(circuit.admit(began)).toBe(0)
    circuit.failed(began, began)
  }
  // Open for a second.
  expect(circuit.admit(500)).toBe(1000)
  expect(circuit.admit(1004)).toBe(0)
  // The probe runs, and never ends.
  expect(circuit.admit(1005)).toBe(1000)
  expect(circuit.admit(2004)).toBe(0)
  circuit.failed(2010, 2004)
  // The open time has doubled.
  expect(circuit.admit(4009)).toBe(1000)
  expect(circuit.admit(4010)).toBe(0)
  circuit.succeeded(4011)
  for (const now of [4012, 4013, 4014, 4015, 4016, 4017]) expect(circuit.admit(now)).toBe(0)
  // The first probe ends now: the target has responded since it began.
  for (const _ of many) circuit.failed(5000, 1004)
  expect(circuit.admit(5001)).toBe(0)
})
