/** Builds a tool's arguments from a JSON text and `key=value` pairs. */
import { Effect, Schema } from "effect"
import { UsageError } from "./UsageError.ts"

const JsonObject = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const isText = Schema.is(Schema.Struct({ type: Schema.Literal("string") }))

/** Parses JSON (`2`, `[1]`, `true`); invalid JSON, and any value of a string argument, stays text. */
const parseValue = (text: string, schema: unknown): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return isText(schema) && typeof value !== "string" ? text : value
  } catch {
    return text
  }
}

/** Pairs override the JSON text. `schemas` are the JSON Schemas of the arguments, by name. */
export const toolArguments = (
  text: string | undefined,
  pairs: Readonly<Record<string, string>>,
  schemas: Readonly<Record<string, unknown>>
) =>
  Effect.map(
    text === undefined
      ? Effect.succeed({})
      : Effect.mapError(
          Schema.decodeEffect(JsonObject)(text),
          (error) => new UsageError({ detail: `The arguments must be a JSON object: ${error.message}` })
        ),
    (base) => ({
      ...base,
      ...Object.fromEntries(
        Object.entries(pairs).map(([key, value]) => [key, parseValue(value, schemas[key])])
      )
    })
  )
