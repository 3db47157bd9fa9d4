/** Ambiguous requests for an application: the target sees exactly one request, or the client gets an error. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { publishing } from "../support/proxies.ts"
import { dial } from "../support/rawHttp.ts"
import { recorder } from "../support/recorder.ts"

/** An application that answers each head that it can find in the bytes with its path. */
const application = recorder((bytes) => {
  let sent = ""
  let pending = bytes
  for (let end = pending.indexOf("\r\n\r\n"); end !== -1; end = pending.indexOf("\r\n\r\n")) {
    const path = /^[A-Z]+ (\S+) HTTP\/1\.1\r\n/.exec(pending.slice(0, end))?.[1]
    pending = pending.slice(end + 4)
    if (path !== undefined) sent += `HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`
  }
  return [sent, pending]
})

/** The request that must never reach the application as a separate one. */
const hidden = "GET /hidden HTTP/1.1\r\nHost: app.example.com\r\n\r\n"
const post = (headers: string, body: string, line = "POST /visible HTTP/1.1") =>
  `${line}\r\nHost: app.example.com\r\n${headers}\r\n\r\n${body}`
const chunkedEnd = `0\r\n\r\n${hidden}`

/** What is rejected. */
const cases: Readonly<Record<string, string>> = {
  "Content-Length and Transfer-Encoding": post("Content-Length: 4\r\nTransfer-Encoding: chunked", chunkedEnd),
  "Transfer-Encoding and Content-Length": post(
    "Transfer-Encoding: chunked\r\nContent-Length: 60",
    chunkedEnd
  ),
  "two different lengths": post("Content-Length: 0\r\nContent-Length: 52", hidden),
  "a list of lengths": post("Content-Length: 0, 52", hidden),
  "a length with a sign": post("Content-Length: +0", hidden),
  "a negative length": post("Content-Length: -1", hidden),
  "a hexadecimal length": post("Content-Length: 0x0", hidden),
  "a length with a space": post("Content-Length: 0 52", hidden),
  "an empty length": post("Content-Length:", hidden),
  "a space before the colon": post("Content-Length : 52\r\nContent-Length: 0", hidden),
  xchunked: post("Transfer-Encoding: xchunked", chunkedEnd),
  "a space before the colon of Transfer-Encoding": post(
    "Transfer-Encoding : chunked\r\nContent-Length: 0",
    hidden
  ),
  "a tab before chunked": post("Transfer-Encoding:\tchunked\r\nContent-Length: 5", chunkedEnd),
  "a vertical tab before chunked": post("Transfer-Encoding: \x0bchunked\r\nContent-Length: 5", chunkedEnd),
  "chunked twice": post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", chunkedEnd),
  "chunked, identity": post("Transfer-Encoding: chunked, identity", chunkedEnd),
  "identity, chunked": post("Transfer-Encoding: identity, chunked", chunkedEnd),
  "gzip, chunked": post("Transfer-Encoding: gzip, chunked", chunkedEnd),
  "a folded header": post("X-A: b\r\n Transfer-Encoding: chunked\r\nContent-Length: 5", chunkedEnd),
  "a folded Transfer-Encoding": post("Transfer-Encoding:\r\n chunked\r\nContent-Length: 5", chunkedEnd),
  "bare LF between headers": "POST /visible HTTP/1.1\nHost: app.example.com\nContent-Length: 0\n\n" + hidden,
  "bare LF in a header": post("X-A: b\nTransfer-Encoding: chunked\r\nContent-Length: 5", chunkedEnd),
  "bare CR in a header": post("X-A: b\rTransfer-Encoding: chunked\r\nContent-Length: 5", chunkedEnd),
  "NUL in a header": post("X-A: b\0c\r\nContent-Length: 0", hidden),
  "NUL in a name": post("Transfer-Encoding\0: chunked\r\nContent-Length: 0", hidden),
  "a name with a space": post("Transfer Encoding: chunked\r\nContent-Length: 0", hidden),
  "an empty name": post(": chunked\r\nContent-Length: 0", hidden),
  "a chunk extension with LF": post("Transfer-Encoding: chunked", `2;\nxx\r\nab\r\n${chunkedEnd}`),
  "a chunk size with a sign": post("Transfer-Encoding: chunked", `+2\r\nab\r\n${chunkedEnd}`),
  "a chunk size with 0x": post("Transfer-Encoding: chunked", `0x2\r\nab\r\n${chunkedEnd}`),
  "a chunk size that overflows": post(
    "Transfer-Encoding: chunked",
    `fffffffffffffffff\r\nab\r\n${chunkedEnd}`
  ),
  "a chunk without its end": post("Transfer-Encoding: chunked", `2\r\nabc\r\n${chunkedEnd}`),
  "HTTP/1.0 with chunked": post("Transfer-Encoding: chunked", chunkedEnd, "POST /visible HTTP/1.0"),
  "two request targets": post("Content-Length: 0", hidden, "POST /visible /other HTTP/1.1"),
  "trailers that are headers": post(
    "Transfer-Encoding: chunked",
    `0\r\nContent-Length: 50\r\nX-Admin: 1\r\n\r\n${hidden}`
  )
}

/** What is one request: the paths that the application answers, with that of a request afterwards. */
const accepted: Readonly<Record<string, readonly [bytes: string, paths: ReadonlyArray<string>]>> = {
  "GET with a body": [
    post(`Content-Length: ${hidden.length}`, hidden, "GET /visible HTTP/1.1"),
    ["/visible", "/last"]
  ],
  "POST with a request as its body": [
    post(`Content-Length: ${hidden.length}`, hidden),
    ["/visible", "/last"]
  ],
  "an upgrade that is not supported": [
    post(
      "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nContent-Length: 2",
      "ab"
    ),
    // Bun reads no further requests from this connection.
    ["/visible"]
  ],
  "a line break in the target": [
    post("Content-Length: 0", "", "GET /visible%0d%0aX:y HTTP/1.1"),
    ["/visible%0d%0aX:y", "/last"]
  ]
}

/** Heads of requests that a lenient parser may find. */
const requestLines = (bytes: string) => bytes.match(/^[A-Z]+ \S+ HTTP\/1\.[01]/gm) ?? []

it.live("ambiguous requests are rejected, and no hidden one reaches the application", () =>
  Effect.gen(function* () {
    const app = yield* application
    const { port } = yield* publishing(`http://127.0.0.1:${app.port}`)
    for (const [name, bytes] of Object.entries(cases)) {
      const connection = dial(port)
      connection.write(bytes)
      const { status } = yield* Effect.promise(connection.next)
      expect([name, [400, 505].includes(status)]).toEqual([name, true])
      yield* Effect.promise(() => connection.closed)
    }
    // The chunk that is malformed comes after the head, which may have been sent.
    expect(requestLines(app.received()).filter((line) => line !== "POST /visible HTTP/1.1")).toEqual([])
    expect(app.received()).not.toMatch(/hidden|x-admin/i)
  })
)

for (const [name, [bytes, paths]] of Object.entries(accepted)) {
  it.live(`${name}: the application and we see the same requests`, () =>
    Effect.gen(function* () {
      const app = yield* application
      const { port } = yield* publishing(`http://127.0.0.1:${app.port}`)
      const connection = dial(port)
      const answered: Array<string> = []
      connection.write(bytes)
      for (const path of paths) {
        if (path === "/last") connection.write("GET /last HTTP/1.1\r\nHost: app.example.com\r\n\r\n")
        answered.push((yield* Effect.promise(connection.next)).body)
      }
      expect(answered).toEqual([...paths])
      expect(app.received()).not.toMatch(/^(?:upgrade|http2-settings|x):/im)
      connection.end()
    })
  )
}
