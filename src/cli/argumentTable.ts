/** Table of a tool's arguments for a terminal: name, type, required or optional, default, description. */
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

const typeOf = (schema: unknown): string => {
  if (!isObject(schema)) return "any"
  const { anyOf, enum: values, items, type } = schema
  if ("const" in schema) return JSON.stringify(schema.const)
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ")
  if (Array.isArray(anyOf)) return [...new Set(anyOf.map(typeOf))].join(" | ")
  if (type === "array") return `list of ${typeOf(items)}`
  if (Array.isArray(type)) return type.join(" | ")
  return typeof type === "string" ? type : "any"
}

interface Row {
  readonly name: string
  readonly type: string
  readonly about: string
}

const toRow = (name: string, schema: unknown, isRequired: boolean): Row => {
  const { default: fallback, description } = isObject(schema) ? schema : {}
  return {
    name,
    type: typeOf(schema),
    about: [
      ...(isRequired ? ["required"] : ["optional"]),
      ...(fallback === undefined ? [] : [`default ${JSON.stringify(fallback)}`]),
      ...(typeof description === "string" ? [description] : [])
    ].join("; ")
  }
}

/** One line per argument, required ones first. */
export const argumentTable = (input: JsonObject): ReadonlyArray<string> => {
  const required = Array.isArray(input.required) ? input.required : []
  const rows = Object.entries(isObject(input.properties) ? input.properties : {})
    .map(([name, schema]) => toRow(name, schema, required.includes(name)))
    .toSorted((a, b) => Number(required.includes(b.name)) - Number(required.includes(a.name)))
  const width = (key: "name" | "type") => Math.max(0, ...rows.map((row) => row[key].length))
  const [names, types] = [width("name"), Math.min(width("type"), 40)]
  return rows.map(({ about, name, type }) => `  ${name.padEnd(names)}  ${type.padEnd(types)}  ${about}`)
}
