/**
 * Checks that `Mcp-Param-*` headers repeat the arguments that a tool's schema marks with `x-mcp-header` (SEP-2243). The
 * SDK does not export its own check, and runs it only for `McpServer`.
 */
import type { ToolEntry } from "../catalog/Entry.ts"
import { isObject } from "../domain/JsonObject.ts"
import { headerMismatch } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"

export interface Declaration {
  readonly path: ReadonlyArray<string>
  readonly header: string
  /** `type` of the property's schema. */
  readonly type: unknown
}

/** Finds declarations on properties, at any depth. */
export const scan = (schema: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<Declaration> => {
  if (!isObject(schema) || !isObject(schema.properties)) return []
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const here = [...path, name]
    const header = isObject(property) ? property["x-mcp-header"] : undefined
    const own =
      typeof header === "string"
        ? [{ path: here, header, type: isObject(property) ? property.type : undefined }]
        : []
    return [...own, ...scan(property, here)]
  })
}

const declarations = new WeakMap<ToolEntry, ReadonlyArray<Declaration>>()

export const valueAt = (root: unknown, path: ReadonlyArray<string>): unknown => {
  let value = root
  for (const key of path) value = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return value
}

const base64 = /^=\?base64\?((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)\?=$/

/** Decodes a header value: `=?base64?…?=` for text that is not plain ASCII. `undefined` if the encoding is invalid. */
const decode = (value: string): string | undefined => {
  if (!value.startsWith("=?base64?") || !value.endsWith("?=")) return value
  const body = base64.exec(value)?.[1]
  if (body === undefined) return undefined
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(body, "base64"))
  } catch {
    return undefined
  }
}

const same = (header: string, argument: unknown) =>
  typeof argument === "number" && /^-?\d+(\.\d+)?$/.test(header)
    ? Number(header) === argument
    : header === String(argument)

export const check = (entry: ToolEntry, args: unknown, headers: Headers): Failure | undefined => {
  let declared = declarations.get(entry)
  if (declared === undefined) declarations.set(entry, (declared = scan(entry.input)))
  for (const { header, path } of declared) {
    const argument = valueAt(args, path)
    if (typeof argument !== "string" && typeof argument !== "number" && typeof argument !== "boolean")
      continue
    const name = `Mcp-Param-${header}`
    const sent = headers.get(name)
    const value = sent === null ? undefined : decode(sent)
    if (value !== undefined && same(value, argument)) continue
    const problem = sent === null ? "is missing" : value === undefined ? "is not valid Base64" : "differs"
    return {
      status: 400,
      code: headerMismatch,
      message: `Bad Request: the header ${name} must repeat the argument ${path.join(".")}, but it ${problem}.`,
      data: { header: name, argument: path.join(".") }
    }
  }
  return undefined
}
