/** Bodies at and beyond the limit of 1000 bytes that listeners of tests have. */
import { expect } from "bun:test"
import { Effect } from "effect"
import { dial, raw } from "./rawHttp.ts"

const chunked = (size: number) => `${size.toString(16)}\r\n${"a".repeat(size)}\r\n0\r\n\r\n`

const atLimit = [
  ["Content-Length: 1000", "a".repeat(1000)],
  ["Transfer-Encoding: chunked", chunked(1000)]
] as const

const beyond = [
  ["Content-Length: 1001", "a".repeat(1001)],
  ["Content-Length: 1001", ""],
  [`Content-Length: ${50 * 1024 * 1024}`, ""],
  ["Transfer-Encoding: chunked", chunked(1001)],
  ["Transfer-Encoding: chunked", chunked(600).replace("0\r\n\r\n", chunked(600))]
] as const

/** `head`: request line and headers. A body of the limit has a response with its `size`, one byte more is 413. */
export const hasBodyLimit = Effect.fnUntraced(function* (port: number, head: string) {
  for (const [framing, body] of atLimit) {
    const reply = yield* Effect.promise(() => raw(port, `${head}${framing}\r\n\r\n${body}`))
    expect(JSON.parse(reply.body)).toMatchObject({ size: 1000 })
  }
  for (const [framing, body] of beyond) {
    const connection = dial(port)
    connection.write(`${head}${framing}\r\n\r\n${body}`)
    const { body: message, status } = yield* Effect.promise(connection.next)
    expect([framing, status, message]).toEqual([framing, 413, expect.stringContaining("at most 1000 bytes")])
    yield* Effect.promise(() => connection.closed)
  }
})
