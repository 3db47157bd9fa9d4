/** Puts a tool's arguments together from a JSON text and from `key=value` pairs. */
import { Effect, Runtime, Schema } from "effect"
import { suggest } from "../../layers/config/suggest.ts"
import type { NotFound } from "../catalog/CatalogError.ts"
import { misuse } from "./misuse.ts"

/** The command line was used wrongly; `detail` says how to use it. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", { detail: Schema.String }) {
  override readonly [Runtime.errorExitCode] = misuse

  override get message() {
    return this.detail
  }
}

/** An unknown name, with the nearest known one and the command that lists all of them. */
export const unlisted =
  (kind: "tools" | "prompts" | "resources", known: Effect.Effect<ReadonlyArray<string>>) =>
  (missing: NotFound) =>
    Effect.flatMap(known, (names) => {
      const nearest = suggest(missing.name, names)
      const meant = nearest === undefined ? "" : ` Did you mean ${nearest}?`
      return new UsageError({
        detail: `${missing.message}.${meant} \`manifold list ${kind}\` shows all of them`
      })
    })

const JsonObject = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const isText = Schema.is(Schema.Struct({ type: Schema.Literal("string") }))

/** `2` is a number, `[1]` a list, `true` a boolean; what is no JSON is text, and so is all that a text is wanted for. */
const parseValue = (text: string, wanted: unknown): unknown => {
  try {
    const value: unknown = JSON.parse(text)
    return isText(wanted) && typeof value !== "string" ? text : value
  } catch {
    return text
  }
}

/** `wanted` has the JSON Schemas of the arguments, by name. */
export const readParams = (
  text: string | undefined,
  pairs: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, unknown>>
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
        Object.entries(pairs).map(([key, value]) => [key, parseValue(value, wanted[key])])
      )
    })
  )
