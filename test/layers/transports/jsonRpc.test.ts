/** The JSON-RPC parser: accepted messages, and the errors for rejected ones. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { fromBytes, toValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => fromBytes(bytes(text))
const request = (more: object) => JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", ...more })

describe("the parser rejects", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, number]> = [
    ["empty text", bytes(""), -32700],
    ["null", bytes("null"), -32600],
    ["a number", bytes("7"), -32600],
    ["a string", bytes('"x"'), -32600],
    ["an empty batch", bytes("[]"), -32600],
    ["a batch of numbers", bytes("[1]"), -32600],
    ["a batch of 101 messages", bytes(`[${Array.from({ length: 101 }, () => request({})).join()}]`), -32600],
    ["truncated JSON", bytes('{"jsonrpc":"2.0"'), -32700],
    ["invalid UTF-8", new Uint8Array([...bytes('{"a":"'), 0xff, 0xfe, ...bytes('"}')]), -32700],
    ["100,000 nested arrays", bytes("[".repeat(100_000) + "]".repeat(100_000)), -32600],
    ["the id null", bytes(request({ id: null })), -32600],
    ["an object as id", bytes(request({ id: {} })), -32600],
    ["the id 1e999", bytes('{"jsonrpc":"2.0","id":1e999,"method":"ping"}'), -32600],
    ["a fraction as id", bytes(request({ id: 1.5 })), -32600],
    ["an id of a megabyte", bytes(request({ id: "x".repeat(1 << 20) })), -32600],
    ["another JSON-RPC version", bytes(request({ jsonrpc: "1.0" })), -32600],
    ["a number as method", bytes(request({ method: 5 })), -32600],
    ["a list as params", bytes(request({ params: [1] })), -32602],
    ["a string as params", bytes(request({ params: "x" })), -32602],
    ["a number as _meta", bytes(request({ params: { _meta: 5 } })), -32602],
    ["a progress token that is a list", bytes(request({ params: { _meta: { progressToken: [] } } })), -32602],
    [
      "a progress token that is a fraction",
      bytes(request({ params: { _meta: { progressToken: 1.5 } } })),
      -32602
    ],
    ["a message with neither method nor result", bytes('{"jsonrpc":"2.0","id":1}'), -32600]
  ]
  for (const [name, input, code] of cases) {
    test(name, () => {
      const parsed = fromBytes(input)
      expect(parsed).toBeInstanceOf(MessageRejection)
      expect(parsed).toMatchObject({ code })
    })
  }
})

test("any text is parsed or rejected, and nothing is thrown", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (input) => {
      fromBytes(input)
    })
  )
  fc.assert(
    fc.property(fc.json(), (input) => {
      read(input)
    })
  )
})

test("initialize without capabilities and clientInfo is parsed as if they were empty", () => {
  const parsed = read(
    '{"method":"initialize","params":{"protocolVersion":"2025-06-18"},"jsonrpc":"2.0","id":0}'
  )
  expect(parsed).toMatchObject({
    messages: [{ params: { capabilities: {}, clientInfo: { name: "unknown", version: "0" } } }],
    batch: false
  })
})

test("invalid capabilities are not replaced by empty ones", () => {
  const parsed = read('{"method":"initialize","params":{"capabilities":5},"jsonrpc":"2.0","id":0}')
  expect(parsed).toMatchObject({ messages: [{ params: { capabilities: 5 } }] })
})

test("a byte order mark before the text is ignored in bytes and in text frames", () => {
  const mark = [0xef, 0xbb, 0xbf]
  expect(fromBytes(new Uint8Array([...mark, ...bytes(request({}))]))).toMatchObject({
    messages: [{ method: "ping" }]
  })
  expect(toValue(`\ufeff${request({})}`)).toMatchObject({ method: "ping" })
})

describe("a rejection has the request ids", () => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<unknown>]> = [
    ["of invalid params", request({ params: 5 }), [1]],
    ["of a request with a text id", request({ id: "one", params: [] }), ["one"]],
    ["of another JSON-RPC version", request({ jsonrpc: "1.0" }), [1]],
    ["of an invalid id: none", request({ id: 1.5 }), []],
    ["of a notification: none", '{"jsonrpc":"2.0","method":"x","params":5}', []],
    ["of a response without a result: none", '{"jsonrpc":"2.0","id":7}', []],
    ["of every request of a batch", `[${request({})},${request({ id: 2, params: 5 })},5]`, [1, 2]]
  ]
  for (const [name, input, ids] of cases) {
    test(name, () => {
      const parsed = read(input)
      expect(parsed).toBeInstanceOf(MessageRejection)
      expect((parsed as MessageRejection).ids).toEqual(ids as MessageRejection["ids"])
    })
  }
})
