/** Checks what a user filled in against the schema of the form: a flat object of primitive fields (MCP 2025-11-25, elicitation). */
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import type { FieldIssue } from "./ChatRefusal.ts"

/** Undefined: the value fits. */
type Check = (value: unknown, field: JsonObject) => string | undefined

const numberOf = (value: unknown, otherwise: number): number =>
  typeof value === "number" ? value : otherwise

const formats: Readonly<Record<string, (value: string) => boolean>> = {
  email: (value) => value.length <= 320 && /^[^\s@]+@[^\s@]+$/.test(value),
  uri: (value) => URL.canParse(value),
  date: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)),
  "date-time": (value) => /^\d{4}-\d{2}-\d{2}[Tt ]/.test(value) && !Number.isNaN(Date.parse(value))
}

/** The values that the field allows; undefined: it does not list them. */
export const choicesOf = (field: JsonObject): ReadonlyArray<unknown> | undefined => {
  if (Array.isArray(field["enum"])) return field["enum"]
  const titled = field["oneOf"] ?? field["anyOf"]
  return Array.isArray(titled)
    ? titled.flatMap((one) => (isObject(one) && "const" in one ? [one["const"]] : []))
    : undefined
}

const text: Check = (value, field) => {
  if (typeof value !== "string") return "Expected a string"
  // In characters, as JSON Schema counts.
  const { length } = [...value]
  const least = numberOf(field["minLength"], 0)
  const most = numberOf(field["maxLength"], Infinity)
  if (length < least) return `Expected at least ${least} characters`
  if (length > most) return `Expected at most ${most} characters`
  const { format } = field
  const fits = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined
  return fits?.(value) === false ? `Expected a value of the format ${String(format)}` : undefined
}

const number: Check = (value, field) => {
  if (typeof value !== "number") return "Expected a number"
  if (field["type"] === "integer" && !Number.isInteger(value)) return "Expected an integer"
  const least = numberOf(field["minimum"], -Infinity)
  const most = numberOf(field["maximum"], Infinity)
  if (value < least) return `Expected at least ${least}`
  return value > most ? `Expected at most ${most}` : undefined
}

const list: Check = (value, field) => {
  if (!Array.isArray(value)) return "Expected an array"
  const least = numberOf(field["minItems"], 0)
  const most = numberOf(field["maxItems"], Infinity)
  if (value.length < least) return `Expected at least ${least} items`
  if (value.length > most) return `Expected at most ${most} items`
  const { items } = field
  for (const item of isObject(items) ? value : []) {
    const issue = isObject(items) ? checkField(item, items) : undefined
    if (issue !== undefined) return issue
  }
  return undefined
}

const checks: Readonly<Record<string, Check>> = {
  string: text,
  number,
  integer: number,
  boolean: (value) => (typeof value === "boolean" ? undefined : "Expected a boolean"),
  array: list
}

const checkField: Check = (value, field) => {
  const { type } = field
  const check = typeof type === "string" && Object.hasOwn(checks, type) ? checks[type] : undefined
  const issue = check?.(value, field)
  if (issue !== undefined || type === "array") return issue
  const choices = choicesOf(field)
  return choices === undefined || choices.includes(value)
    ? undefined
    : `Expected one of ${choices
        .map((choice) => JSON.stringify(choice))
        .join(", ")
        .slice(0, 500)}`
}

/** An issue for each field of the answer that does not fit. Fields that the form does not have are ignored. */
export const formIssues = (schema: JsonObject, content: JsonObject): ReadonlyArray<FieldIssue> => {
  const { properties, required } = schema
  const names = Array.isArray(required) ? required : []
  return Object.entries(isObject(properties) ? properties : {}).flatMap(
    ([name, field]): ReadonlyArray<FieldIssue> => {
      if (!Object.hasOwn(content, name)) {
        return names.includes(name)
          ? [{ field: `content.${name}`, message: "required, but missing", type: "missing" }]
          : []
      }
      const message = isObject(field) ? checkField(content[name], field) : undefined
      return message === undefined ? [] : [{ field: `content.${name}`, message, type: "value_error" }]
    }
  )
}
