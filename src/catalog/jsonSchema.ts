/** Effect Schema as JSON Schema 2020-12: the one way in which tools and forms describe themselves. */
import { Schema } from "effect"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

/** Named parts are written out where they stand: clients look for the object at the root, and forms are flat. */
const writtenOut = { referencePolicy: () => undefined }

/** Values, not schemas: nothing in them is changed. */
const literal: ReadonlySet<string> = new Set(["const", "default", "enum", "examples"])

/** A union of one member is that member: clients show `anyOf` as an unknown type, and some reject it. */
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
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, writtenOut)
  const names = Object.keys(definitions)
  if (names.length === 0) return root
  // What is left refers to itself, and perhaps the root does.
  const name = names.find((key) => root.$ref === `#/$defs/${key}`)
  return { ...(name === undefined ? root : definitions[name]), $defs: definitions }
}
