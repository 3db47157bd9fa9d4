/** Which stateless requests are served directly: those whose envelope and headers the SDK would accept unchanged. */
import { expect, test } from "bun:test"
import { usualEnvelope } from "../../../src/mcp/envelope.ts"
import { stateless } from "../../support/service.ts"

type Params = Record<string, unknown>

const key = (name: string) => `io.modelcontextprotocol/${name}`

/** The envelope of a call of `echo`, with changed headers, params and metadata. */
const envelopeOf = (headers: Record<string, string> = {}, params: Params = {}, meta: Params = {}) => {
  const usual = stateless(1, "tools/call", { name: "echo", ...params }, { sampling: {} })
  const given = { ...usual.body.params, _meta: { ...Object(usual.body.params["_meta"]), ...meta } }
  return usualEnvelope(
    { ...usual.body, jsonrpc: "2.0", params: given },
    new Headers({ ...usual.headers, ...headers })
  )
}

test("the usual form has the client, its capabilities and its log level", () => {
  const expected = { program: { name: "test", version: "1" }, capabilities: { sampling: {} } }
  expect(envelopeOf()).toMatchObject(expected)
  // Again, when the envelope is known.
  expect(envelopeOf()).toMatchObject(expected)
  expect(envelopeOf()?.logLevel).toBeUndefined()
  expect(envelopeOf({}, {}, { [key("logLevel")]: "error" })?.logLevel).toBe("error")
  expect(envelopeOf({}, {}, { [key("clientInfo")]: undefined })?.program).toBeUndefined()
  expect(envelopeOf({}, {}, { progressToken: 1, traceparent: "x", "example.com/own": 1 })).toBeDefined()
})

test("other forms are left to the SDK", () => {
  const others: ReadonlyArray<Parameters<typeof envelopeOf>> = [
    [{ "mcp-protocol-version": "2025-11-25" }],
    [{ "mcp-method": "tools/list" }],
    [{ "mcp-name": "other" }],
    [{ "mcp-name": "=?base64?ZWNobw==?=" }],
    [{ "mcp-name": "=?base64?ZWNobw==?=" }, { name: "=?base64?ZWNobw==?=" }],
    [{}, { name: undefined }],
    [{}, { requestState: "state" }],
    [{}, { inputResponses: {} }],
    [{}, {}, { [key("protocolVersion")]: "2027-01-01" }],
    [{}, {}, { [key("clientInfo")]: { name: "test" } }],
    [{}, {}, { [key("clientInfo")]: null }],
    [{}, {}, { [key("clientCapabilities")]: undefined }],
    [{}, {}, { [key("clientCapabilities")]: { sampling: 1 } }],
    [{}, {}, { [key("logLevel")]: "loud" }],
    [{}, {}, { [key("other")]: 1 }]
  ]
  // Twice: what is invalid is not remembered as valid.
  for (const other of [...others, ...others])
    expect([other, envelopeOf(...other)]).toEqual([other, undefined])
})
