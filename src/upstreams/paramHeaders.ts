/** `Mcp-Param-*` headers: arguments that a tool's schema marks with `x-mcp-header`, for servers behind proxies (SEP-2243). */
import { toHeaderValue } from "../../layers/upstream/headerValue.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import { scan, valueAt, type Declaration } from "../mcp/paramHeaders.ts"

/** A field name (RFC 9110, section 5.1). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** Types whose values have one form as text. */
const primitive: ReadonlySet<unknown> = new Set(["string", "integer", "boolean"])

const isPrimitive = (type: unknown): boolean =>
  Array.isArray(type)
    ? type.some((each) => primitive.has(each)) && type.every((each) => each === "null" || primitive.has(each))
    : primitive.has(type)

/** Whether every mark of the schema is valid. Clients must not use a tool with an invalid one. */
export const hasValidMarks = (inputSchema: JsonObject): boolean => {
  const declared = scan(inputSchema)
  const names = new Set(declared.map(({ header }) => header.toLowerCase()))
  return (
    names.size === declared.length &&
    declared.every(({ header, type }) => token.test(header) && isPrimitive(type))
  )
}

/** The headers of one call; `undefined` without any. */
export const paramHeaders = (declared: ReadonlyArray<Declaration>, args: JsonObject) => {
  const headers: Record<string, string> = {}
  for (const { header, path } of declared) {
    const value = valueAt(args, path)
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      headers[`mcp-param-${header.toLowerCase()}`] = toHeaderValue(String(value))
    }
  }
  return declared.length === 0 ? undefined : headers
}
