/** JSON Schema 2020-12 of an Effect Schema, for tools and elicitation forms. */
import { Schema } from "effect"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

/** Inlines named parts: clients expect an object at the root, and forms are flat. */
const inlined = { referencePolicy: () => undefined }

/** Keywords that contain values, not schemas: left unchanged. */
const literal: ReadonlySet<string> = new Set(["const", "default", "enum", "examples"])

/** Replaces a union of one member by that member: clients show `anyOf` as an unknown type, and some reject it. */
const plain = (schema: unknown): unknown => {
  if (Array.isArray(schema)) return schema.map(plain)
  if (!isObject(schema)) return schema
  const entries = Object.entries(schema).map(([key, value]) => [key, literal.has(key) ? value : plain(value)])
  const { anyOf, ...rest } = Object.fromEntries(entries) as JsonObject
  if (anyOf === undefined) return rest
  const [only] = Array.isArray(anyOf) && anyOf.length === 1 ? (anyOf as ReadonlyArray<unknown>) : []
  return isObject(only) ? { ...only, ...rest } : { anyOf, ...rest }
}

export const jsonSchema = (schema: Schema.Constraint): JsonObject => plain(derived(schema)) as JsonObject

const derived = (schema: Schema.Constraint): JsonObject => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, inlined)
  const names = Object.keys(definitions)
  if (names.length === 0) return root
  // The remaining definitions are recursive; the root may be one of them.
  const name = names.find((key) => root.$ref === `#/$defs/${key}`)
  return { ...(name === undefined ? root : definitions[name]), $defs: definitions }
}
