/** What a document says about a section: its settings, or every problem. */
import { Effect, Option, Schema } from "effect"
import type { Environment } from "../platform/Environment.ts"
import { ConfigInvalid, showPath, type Problem } from "./ConfigInvalid.ts"
import * as defaults from "./sectionDefaults.ts"
import type { ConfigDocument } from "./ConfigDocument.ts"
import { fillEmpty } from "./emptySections.ts"
import { explainIssue, unknownKey } from "./explainIssue.ts"
import { mergeSources, type Merged } from "./mergeSources.ts"
import { BaseFolder } from "./pathSettings.ts"
import type { Section } from "./Section.ts"
import type { DecodeServices } from "./DecodeServices.ts"

const strict = { errors: "all", onExcessProperty: "error", reportInput: true } as const

const decode = (
  section: Section<unknown>,
  said: Merged
): Effect.Effect<unknown, ConfigInvalid, DecodeServices> => {
  const invalid = (found: ReadonlyArray<Problem>) =>
    new ConfigInvalid({ problems: [...said.problems, ...found] })
  const value = fillEmpty(said.value, section.schema.ast)
  const decoded = Schema.decodeEffect(section.schema)(value, strict).pipe(
    Effect.mapError(({ issue }) =>
      invalid(
        explainIssue(issue, section.name, section.renamed).map(({ message, part, path }) => ({
          ...said.origin(path, part),
          message
        }))
      )
    )
  )
  return said.problems.length === 0 ? decoded : Effect.andThen(decoded, Effect.fail(invalid([])))
}

const fromDefaults = (section: Section<unknown>) =>
  // A default that does not decode is for the decoder to explainIssue.
  Effect.orElseSucceed(defaults.of(section.schema), Option.none)

export interface Evaluated {
  /** Whether the document or a variable mentions the section. */
  readonly present: boolean
  /** None of an absent section that need not make sense. */
  readonly settings: Option.Option<unknown>
}

/** An absent section is decoded, as an empty one, only if it is `required`. */
export const evaluateSection = Effect.fnUntraced(function* (
  document: ConfigDocument,
  environment: Environment["Service"],
  section: Section<unknown>,
  required: boolean
): Effect.fn.Return<Evaluated, ConfigInvalid, DecodeServices> {
  const said = mergeSources(document, environment, section)
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
  document: ConfigDocument,
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
