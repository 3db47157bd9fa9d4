/** Which parts of a caller's `_meta` reach an upstream server. */
import { expect, test } from "bun:test"
import { passedMeta } from "../../../src/upstreams/passedMeta.ts"

const trace = { traceId: "0af7651916cd43dd8448eb211c80319c", parentId: "b7ad6b7169203331", sampled: true }
const traceparent = `00-${trace.traceId}-${trace.parentId}-01`

test("keys of clients are passed on, those of the caller's connection are not", () => {
  const meta = {
    "example.com/tenant": "t",
    tracestate: "vendor=1",
    progressToken: 3,
    "manifold/instances": ["other"],
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": { sampling: {} }
  }
  expect(passedMeta({ meta })).toEqual({ "example.com/tenant": "t", tracestate: "vendor=1" })
})

test("the caller's trace is passed on, also one from a header, and a malformed one is not", () => {
  expect(passedMeta({ trace })).toEqual({ traceparent })
  expect(passedMeta({ meta: { traceparent, a: 1 }, trace })).toEqual({ a: 1, traceparent })
  expect(passedMeta({ meta: { traceparent: "00-0-0-0" } })).toBeUndefined()
})

test("nothing is added to a call without own keys", () => {
  expect(passedMeta({})).toBeUndefined()
  expect(passedMeta({ meta: { "io.modelcontextprotocol/logLevel": "debug" } })).toBeUndefined()
})

test("the key __proto__ stays a key", () => {
  const meta: Record<string, unknown> = JSON.parse('{"__proto__":{"polluted":true}}')
  expect(JSON.stringify(passedMeta({ meta }))).toBe('{"__proto__":{"polluted":true}}')
})
