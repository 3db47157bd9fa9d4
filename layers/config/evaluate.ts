/** What a document says about a section: its settings, or every problem. */
import { Effect, Option, Schema } from "effect"
import type { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, showPath, type Problem } from "./ConfigInvalid.ts"
import * as defaults from "./defaults.ts"
import type { Document } from "./Document.ts"
import { fillEmpty } from "./emptySections.ts"
import { explain, unknownKey } from "./explain.ts"
import { gather, type Gathered } from "./gather.ts"
import { BaseFolder } from "./paths.ts"
import type { Section } from "./Section.ts"
import type { Sources } from "./Sources.ts"

const strict = { errors: "all", onExcessProperty: "error", reportInput: true } as const

const decode = (
  section: Section<unknown>,
  said: Gathered
): Effect.Effect<unknown, ConfigInvalid, Sources> => {
  const invalid = (found: ReadonlyArray<Problem>) =>
    new ConfigInvalid({ problems: [...said.problems, ...found] })
  const value = fillEmpty(said.value, section.schema.ast)
  const decoded = Schema.decodeEffect(section.schema)(value, strict).pipe(
    Effect.mapError(({ issue }) =>
      invalid(
        explain(issue, section.name).map(({ message, part, path }) => ({
          ...said.origin(path, part),
          message
        }))
      )
    )
  )
  return said.problems.length === 0 ? decoded : Effect.andThen(decoded, Effect.fail(invalid([])))
}

const fromDefaults = (section: Section<unknown>) =>
  // A default that does not decode is for the decoder to explain.
  Effect.orElseSucceed(defaults.of(section.schema), Option.none)

export interface Evaluated {
  /** Whether the document or a variable mentions the section. */
  readonly present: boolean
  /** None of an absent section that need not make sense. */
  readonly settings: Option.Option<unknown>
}

/** An absent section is decoded, as an empty one, only if it is `required`. */
export const evaluate = Effect.fnUntraced(function* (
  document: Document,
  environment: Environment["Service"],
  section: Section<unknown>,
  required: boolean
): Effect.fn.Return<Evaluated, ConfigInvalid, Sources> {
  const said = gather(document, environment, section)
  const { present } = said
  if (!present && !required) return { present, settings: Option.none() }
  const absent = present ? Option.none() : yield* fromDefaults(section)
  if (Option.isSome(absent)) return { present, settings: absent }
  return {
    present,
    settings: Option.some(yield* Effect.provideService(decode(section, said), BaseFolder, document.folder))
  }
})

/** Names the text's format for editors, and is no section. */
const schemaKey = "$schema"

/** The document's keys that no section answers to. */
export const unknownSections = (
  document: Document,
  sections: ReadonlyArray<Section<unknown>>
): ReadonlyArray<Problem> => {
  const known = sections.flatMap(({ aliases, name }) => [name, ...aliases])
  return Object.keys(document.value)
    .filter((name) => name !== schemaKey && !known.includes(name))
    .map((name) => ({
      path: showPath([name]),
      message: unknownKey(name, known),
      source: document.source([name], "key")
    }))
}
