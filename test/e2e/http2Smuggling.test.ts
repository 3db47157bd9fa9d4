/** Ambiguous requests over HTTP/2 for an application that speaks HTTP/1.1: it sees one request at most, as it was meant. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import {
  dialHttp2,
  endHeaders,
  endStream,
  type Field,
  fields,
  frame,
  request,
  types
} from "../support/http2Frames.ts"
import { recorder } from "../support/recorder.ts"
import { tlsEdge } from "../support/tlsEdge.ts"

const authority = "app.example.net"
const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n"
const post = (more: ReadonlyArray<Field>, path = "/") => request({ authority, method: "POST", path }, more)
const get = (name: string, value: string) => request({ authority }, [[name, value]])
const pseudo = (more: ReadonlyArray<Field>) =>
  fields([[":method", "GET"], [":scheme", "https"], [":path", "/"], [":authority", authority], ...more])

/** An application that responds once a request is complete. */
const application = recorder((pending) => {
  const end = /^transfer-encoding: chunked/im.test(pending) ? "\r\n0\r\n\r\n" : "\r\n\r\n"
  return pending.endsWith(end) ? ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", ""] : ["", pending]
})

/** What never reaches the application: the block of fields, and the body. */
const rejected: Readonly<Record<string, readonly [block: Uint8Array, body?: string]>> = {
  "CR LF in a value": [get("x-a", "b\r\nx-evil: 1")],
  "LF in a value": [get("x-a", "b\nx-evil: 1")],
  "NUL in a value": [get("x-a", "b\0c")],
  "a space before a value": [get("x-a", " b")],
  "CR LF in a name": [get("x-a: b\r\nx-evil", "1")],
  "a colon in a name": [get("x-a:b", "1")],
  "a space in a name": [get("x-a b", "1")],
  "capitals in a name": [get("X-Upper", "1")],
  "Transfer-Encoding": [post([["transfer-encoding", "chunked"]]), `0\r\n\r\n${hidden}`],
  "Transfer-Encoding with a space": [post([["transfer-encoding ", "chunked"]]), `0\r\n\r\n${hidden}`],
  "a body longer than its length": [post([["content-length", "5"]]), hidden],
  "a body shorter than its length": [post([["content-length", "500"]]), "short"],
  "two lengths": [
    post([
      ["content-length", "5"],
      ["content-length", String(hidden.length)]
    ]),
    hidden
  ],
  "a list of lengths": [post([["content-length", `${hidden.length}, 0`]]), hidden],
  "a length with a sign": [post([["content-length", "+0"]]), "x"],
  "a request in the path": [request({ authority, path: `/ HTTP/1.1\r\nx-evil: 1\r\n\r\n${hidden}` })],
  "a space in the path": [request({ authority, path: "/a HTTP/1.1" })],
  "a path without a slash": [request({ authority, path: "evil" })],
  "a path that is a URL": [request({ authority, path: "http://evil.example/x" })],
  "a path with userinfo": [request({ authority, path: "@evil.example/x" })],
  "an empty path": [request({ authority, path: "" })],
  "no path": [request({ authority, path: "*", method: "OPTIONS" })],
  "a request in the method": [request({ authority, method: `GET / HTTP/1.1\r\nx-evil: 1\r\n\r\nGET` })],
  TRACE: [request({ authority, method: "TRACE" })],
  CONNECT: [
    fields([
      [":method", "CONNECT"],
      [":authority", authority]
    ])
  ],
  "extended CONNECT": [
    fields([
      [":method", "CONNECT"],
      [":protocol", "websocket"],
      [":scheme", "https"],
      [":path", "/"],
      [":authority", authority]
    ])
  ],
  "two paths": [pseudo([[":path", "/other"]])],
  "two authorities": [pseudo([[":authority", "other.example"]])],
  "Host beside :authority": [pseudo([["host", "other.example"]])],
  "an unknown pseudo-header": [pseudo([[":evil", "1"]])],
  "userinfo in :authority": [request({ authority: `evil@${authority}` })],
  "a path in :authority": [request({ authority: `${authority}/x` })],
  "CR LF in :authority": [request({ authority: `${authority}\r\nx-evil: 1` })],
  Connection: [get("connection", "x-a")],
  Upgrade: [get("upgrade", "websocket")],
  "TE other than trailers": [get("te", "gzip")]
}

it.live("ambiguous requests over HTTP/2 do not reach an application, and others are one request of it", () =>
  Effect.gen(function* () {
    const app = yield* application
    const { port, publishAll } = yield* tlsEdge()
    yield* publishAll([{ hostname: authority, target_url: `http://127.0.0.1:${app.port}` }])
    const before = app.received().length
    /** Sends the request, and waits for a response or an error of its stream or connection. */
    const send = (block: Uint8Array, ...more: ReadonlyArray<Uint8Array>) =>
      Effect.promise(async () => {
        const connection = await dialHttp2(port, authority)
        const flags = endHeaders | (more.length === 0 ? endStream : 0)
        await connection.write(Buffer.concat([frame(types.headers, flags, 1, block), ...more]))
        await connection.until(({ type }) => type === types.headers || type === types.reset)
        connection.end()
        return app.received().slice(before)
      })
    const body = (text: string) => frame(types.data, endStream, 1, Buffer.from(text))
    for (const [name, [block, text]] of Object.entries(rejected)) {
      const received = yield* text === undefined ? send(block) : send(block, body(text))
      expect([name, received]).toEqual([name, ""])
    }

    const trailers = fields([
      ["content-length", "50"],
      ["x-admin", "1"]
    ])
    yield* send(
      post([], "/trailers"),
      frame(types.data, 0, 1, Buffer.from("x")),
      frame(types.headers, endHeaders | endStream, 1, trailers)
    )
    yield* send(request({ authority, path: "/a/../../b/%2e%2e/dots" }))
    const cookies: ReadonlyArray<Field> = [
      ["cookie", "a=1"],
      ["cookie", "__Host-manifold-session=x"],
      ["cookie", "b=2"]
    ]
    const received = yield* send(request({ authority, path: "/cookies" }, cookies))
    expect(received.match(/^[A-Z]+ .*(?=\r$)/gm)).toEqual([
      "POST /trailers HTTP/1.1",
      "GET /dots HTTP/1.1",
      "GET /cookies HTTP/1.1"
    ])
    expect(received).toContain("\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /dots")
    expect(received).not.toMatch(/x-admin|content-length|manifold-session|evil/i)
    expect(received).toMatch(/^Cookie: a=1; b=2\r$/m)

    // The head of a request whose length is 0 may pass, and no byte of its body.
    yield* send(post([["content-length", "0"]], "/empty"), body(hidden))
    expect(yield* send(request({ authority, path: "/last" }))).not.toContain("hidden")
  })
)
