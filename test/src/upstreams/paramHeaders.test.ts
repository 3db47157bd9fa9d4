import { expect, test } from "bun:test"
import { hasValidMarks, paramHeaders } from "../../../src/upstreams/paramHeaders.ts"
import { check, scan } from "../../../src/mcp/paramHeaders.ts"
import { rawTool } from "../../../src/catalog/rawTool.ts"
import { Effect } from "effect"

const marked = (properties: Record<string, unknown>) => ({ type: "object", properties })
const region = { type: "string", "x-mcp-header": "Region" }

test("marked arguments become headers that our own server accepts", () => {
  const schema = marked({
    region,
    count: { type: ["integer", "null"], "x-mcp-header": "Count" },
    where: marked({ dry: { type: "boolean", "x-mcp-header": "Dry" } }),
    other: { type: "string" }
  })
  const args = { region: " Zürich\r\n", count: null, where: { dry: false }, other: "not marked" }
  const headers = paramHeaders(scan(schema), args)
  expect(headers).toEqual({ "mcp-param-region": "=?base64?IFrDvHJpY2gNCg==?=", "mcp-param-dry": "false" })
  const tool = rawTool({ name: "place", inputSchema: schema }, () => Effect.succeed({ content: [] }))
  expect(check(tool, args, new Headers(headers))).toBeUndefined()
})

test("a tool without marks needs no headers", () => {
  expect(paramHeaders(scan(marked({ a: { type: "string" } })), { a: "b" })).toBeUndefined()
})

test.each([
  ["empty", marked({ a: { type: "string", "x-mcp-header": "" } })],
  ["no field name", marked({ a: { type: "string", "x-mcp-header": "My Region" } })],
  ["on a number", marked({ a: { type: "number", "x-mcp-header": "A" } })],
  ["on an object", marked({ a: { type: "object", "x-mcp-header": "A" } })],
  ["used twice", marked({ a: region, b: { ...region, "x-mcp-header": "region" } })]
])("a mark that is %s is invalid", (_, schema) => {
  expect(hasValidMarks(schema)).toBe(false)
})

test("a mark with a field name on a text is valid", () => {
  expect(hasValidMarks(marked({ region }))).toBe(true)
})
