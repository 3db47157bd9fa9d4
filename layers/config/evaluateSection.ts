/** Decodes one section of a document: its settings, or all problems. */
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
  merged: Merged
): Effect.Effect<unknown, ConfigInvalid, DecodeServices> => {
  const invalid = (found: ReadonlyArray<Problem>) =>
    new ConfigInvalid({ problems: [...merged.problems, ...found] })
  const value = fillEmpty(merged.value, section.schema.ast)
  const decoded = Schema.decodeEffect(section.schema)(value, strict).pipe(
    Effect.mapError(({ issue }) =>
      invalid(
        explainIssue(issue, section.name, section.renamed).map(({ message, part, path }) => ({
          ...merged.origin(path, part),
          message
        }))
      )
    )
  )
  return merged.problems.length === 0 ? decoded : Effect.andThen(decoded, Effect.fail(invalid([])))
}

const fromDefaults = (section: Section<unknown>) =>
  // The decoder reports defaults that do not decode.
  Effect.orElseSucceed(defaults.of(section.schema), Option.none)

export interface Evaluated {
  /** Whether the document or a variable sets any of the section. */
  readonly present: boolean
  /** None for an absent section that is not required. */
  readonly settings: Option.Option<unknown>
}

/** Decodes an absent section, as an empty one, only if it is `required`. */
export const evaluateSection = Effect.fnUntraced(function* (
  document: ConfigDocument,
  environment: Environment["Service"],
  section: Section<unknown>,
  required: boolean
): Effect.fn.Return<Evaluated, ConfigInvalid, DecodeServices> {
  const merged = mergeSources(document, environment, section)
  const { present } = merged
  if (!present && !required) return { present, settings: Option.none() }
  const absent = present ? Option.none() : yield* fromDefaults(section)
  if (Option.isSome(absent)) return { present, settings: absent }
  return {
    present,
    settings: Option.some(yield* Effect.provideService(decode(section, merged), BaseFolder, document.folder))
  }
})

/** Key for editors; not a section. */
const schemaKey = "$schema"

/** Problems for unknown sections. */
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
