/** The one parser of JSON-RPC: what it takes, and what it says to what it does not take. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { fromBytes, toValue, MessageRejection } from "../../../layers/transports/jsonRpc.ts"

const bytes = (text: string) => new TextEncoder().encode(text)
const read = (text: string) => fromBytes(bytes(text))
const request = (more: object) => JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping", ...more })

describe("refused", () => {
  const cases: ReadonlyArray<readonly [string, Uint8Array, number]> = [
    ["empty", bytes(""), -32700],
    ["null", bytes("null"), -32600],
    ["a number", bytes("7"), -32600],
    ["a string", bytes('"x"'), -32600],
    ["an empty batch", bytes("[]"), -32600],
    ["a batch of numbers", bytes("[1]"), -32600],
    ["a batch of 101", bytes(`[${Array.from({ length: 101 }, () => request({})).join()}]`), -32600],
    ["cut JSON", bytes('{"jsonrpc":"2.0"'), -32700],
    ["invalid UTF-8", new Uint8Array([...bytes('{"a":"'), 0xff, 0xfe, ...bytes('"}')]), -32700],
    ["100,000 nested arrays", bytes("[".repeat(100_000) + "]".repeat(100_000)), -32600],
    ["id null", bytes(request({ id: null })), -32600],
    ["id an object", bytes(request({ id: {} })), -32600],
    ["id 1e999", bytes('{"jsonrpc":"2.0","id":1e999,"method":"ping"}'), -32600],
    ["id a fraction", bytes(request({ id: 1.5 })), -32600],
    ["id of a megabyte", bytes(request({ id: "x".repeat(1 << 20) })), -32600],
    ["another version", bytes(request({ jsonrpc: "1.0" })), -32600],
    ["method a number", bytes(request({ method: 5 })), -32600],
    ["params a list", bytes(request({ params: [1] })), -32602],
    ["params a string", bytes(request({ params: "x" })), -32602],
    ["_meta a number", bytes(request({ params: { _meta: 5 } })), -32602],
    ["a progress token that is a list", bytes(request({ params: { _meta: { progressToken: [] } } })), -32602],
    [
      "a progress token that is a fraction",
      bytes(request({ params: { _meta: { progressToken: 1.5 } } })),
      -32602
    ],
    ["neither method nor result", bytes('{"jsonrpc":"2.0","id":1}'), -32600]
  ]
  for (const [name, input, code] of cases) {
    test(name, () => {
      const parsed = fromBytes(input)
      expect(parsed).toBeInstanceOf(MessageRejection)
      expect(parsed).toMatchObject({ code })
    })
  }
})

test("anything at all is read or refused, and never thrown at", () => {
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

test("initialize without capabilities and clientInfo is taken as if they were empty", () => {
  const parsed = read(
    '{"method":"initialize","params":{"protocolVersion":"2025-06-18"},"jsonrpc":"2.0","id":0}'
  )
  expect(parsed).toMatchObject({
    messages: [{ params: { capabilities: {}, clientInfo: { name: "unknown", version: "0" } } }],
    batch: false
  })
})

test("wrong capabilities are not taken for empty ones", () => {
  const parsed = read('{"method":"initialize","params":{"capabilities":5},"jsonrpc":"2.0","id":0}')
  expect(parsed).toMatchObject({ messages: [{ params: { capabilities: 5 } }] })
})

test("a byte order mark before the text is ignored, in bytes and in text frames", () => {
  const mark = [0xef, 0xbb, 0xbf]
  expect(fromBytes(new Uint8Array([...mark, ...bytes(request({}))]))).toMatchObject({
    messages: [{ method: "ping" }]
  })
  expect(toValue(`\ufeff${request({})}`)).toMatchObject({ method: "ping" })
})

describe("an error repeats the ids of the requests that it rejects", () => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<unknown>]> = [
    ["wrong params", request({ params: 5 }), [1]],
    ["an id that is text", request({ id: "one", params: [] }), ["one"]],
    ["a wrong version", request({ jsonrpc: "1.0" }), [1]],
    ["an id that cannot be used", request({ id: 1.5 }), []],
    ["a notification", '{"jsonrpc":"2.0","method":"x","params":5}', []],
    ["a response without a result", '{"jsonrpc":"2.0","id":7}', []],
    ["every request of a batch", `[${request({})},${request({ id: 2, params: 5 })},5]`, [1, 2]]
  ]
  for (const [name, input, ids] of cases) {
    test(name, () => {
      const parsed = read(input)
      expect(parsed).toBeInstanceOf(MessageRejection)
      expect((parsed as MessageRejection).ids).toEqual(ids as MessageRejection["ids"])
    })
  }
})
