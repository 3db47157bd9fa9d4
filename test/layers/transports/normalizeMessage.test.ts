/** Normalization of messages of real clients: null members, extra members, old handshakes. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { normalizeMessage } from "../../../layers/transports/normalizeMessage.ts"

const request = (method: string, params?: unknown) => ({ jsonrpc: "2.0", id: 1, method, params })

describe("null counts as absent in", () => {
  const cases: ReadonlyArray<readonly [string, string, unknown, unknown]> = [
    ["params", "tools/list", null, undefined],
    ["a cursor", "tools/list", { cursor: null }, {}],
    ["_meta", "tools/call", { name: "x", _meta: null }, { name: "x" }],
    ["arguments", "tools/call", { name: "x", arguments: null }, { name: "x" }],
    [
      "a progress token",
      "tools/call",
      { name: "x", _meta: { progressToken: null } },
      { name: "x", _meta: {} }
    ],
    [
      "an argument of a prompt",
      "prompts/get",
      { name: "x", arguments: { a: null } },
      { name: "x", arguments: {} }
    ],
    [
      "a capability of the stateless envelope",
      "ping",
      { _meta: { capabilities: { sampling: null, roots: {} } } },
      { _meta: { capabilities: { roots: {} } } }
    ],
    [
      "a reason of a cancellation",
      "notifications/cancelled",
      { requestId: 1, reason: null },
      { requestId: 1 }
    ]
  ]
  for (const [name, method, given, expected] of cases) {
    test(name, () => {
      expect(normalizeMessage(request(method, given))).toEqual(request(method, expected))
    })
  }

  test("null counts as absent in the result of a client", () => {
    const response = { jsonrpc: "2.0", id: 1, result: { action: "decline", content: null } }
    expect(normalizeMessage(response)).toEqual({ jsonrpc: "2.0", id: 1, result: { action: "decline" } })
  })

  test("null stays in the arguments of a tool, whose schema decides", () => {
    const given = request("tools/call", { name: "x", arguments: { a: null, b: { c: null } } })
    expect(normalizeMessage(given)).toBe(given)
  })
})

describe("initialize is completed", () => {
  const unknown = { name: "unknown", version: "0" }
  test("for older clients, without capabilities and clientInfo", () => {
    expect(normalizeMessage(request("initialize", { protocolVersion: "1" }))).toEqual(
      request("initialize", { protocolVersion: "1", capabilities: {}, clientInfo: unknown })
    )
  })

  test("with null for every optional member", () => {
    const clientInfo = { name: "c", version: "1", title: null, icons: null }
    const capabilities = { roots: null, sampling: null, experimental: null }
    expect(normalizeMessage(request("initialize", { capabilities, clientInfo }))).toEqual(
      request("initialize", { capabilities: {}, clientInfo: { name: "c", version: "1" } })
    )
  })
})

test("members that JSON-RPC does not define are dropped", () => {
  expect(normalizeMessage({ ...request("ping", {}), extra: 1, trace: {} })).toEqual(request("ping", {}))
})

test("a valid message is passed on unchanged", () => {
  for (const given of [
    request("tools/call", { name: "x", arguments: { a: 1 }, _meta: { progressToken: 1 } }),
    request("initialize", { capabilities: {}, clientInfo: { name: "c", version: "1" } }),
    { jsonrpc: "2.0", id: 1, result: {} },
    { jsonrpc: "2.0", method: "notifications/initialized" }
  ]) {
    expect(normalizeMessage(given)).toBe(given)
  }
})

test("keys such as __proto__ stay plain keys", () => {
  const given = JSON.parse(
    '{"jsonrpc":"2.0","id":1,"method":"x","params":{"__proto__":{"a":1},"b":null},"__proto__":1}'
  )
  const normal = normalizeMessage(given)
  expect(Object.getPrototypeOf(normal)).toBe(Object.prototype)
  expect(JSON.stringify(normal)).toBe('{"jsonrpc":"2.0","id":1,"method":"x","params":{"__proto__":{"a":1}}}')
})

test("normalizing any message twice changes nothing more", () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom("initialize", "tools/call", "x"),
      (params, method) => {
        const once = normalizeMessage(request(method, params))
        expect(normalizeMessage(once)).toEqual(once)
      }
    )
  )
})
