/** Effect Schema as JSON Schema 2020-12: the one way in which tools and forms describe themselves. */
import { Schema } from "effect"

/** Named parts are written out where they stand: clients look for the object at the root, and forms are flat. */
const writtenOut = { referencePolicy: () => undefined }

export const jsonSchema = (schema: Schema.Constraint): { readonly [key: string]: unknown } => {
  const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, writtenOut)
  const names = Object.keys(definitions)
  if (names.length === 0) return root
  // What is left refers to itself, and perhaps the root does.
  const name = names.find((key) => root.$ref === `#/$defs/${key}`)
  return { ...(name === undefined ? root : definitions[name]), $defs: definitions }
}
