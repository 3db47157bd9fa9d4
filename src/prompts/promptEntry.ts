/** Catalog entry of a prompt, with the variables that are configured when it is made. */
import { Effect } from "effect"
import type { Templates } from "../../layers/templates/Templates.ts"
import { Failed, InvalidArguments } from "../catalog/CatalogError.ts"
import type { Complete, PromptArgument, PromptEntry } from "../catalog/Entry.ts"
import { text } from "../domain/Content.ts"
import type { ClientVariables } from "./ClientVariables.ts"
import { values, type Merged } from "./mergeVariables.ts"
import { clientId, type Prompt } from "./Prompt.ts"

/** Those that begin with what was typed, then those that have it within. */
const matching = (all: ReadonlyArray<string>, typed: string): ReadonlyArray<string> => {
  const wanted = typed.trim().toLowerCase()
  const begins = all.filter((value) => value.toLowerCase().startsWith(wanted))
  return [
    ...begins,
    ...all.filter((value) => value.toLowerCase().includes(wanted) && !begins.includes(value))
  ]
}

const offering =
  (offers: () => ReadonlyArray<string>): Complete =>
  (typed) =>
    Effect.sync(() => matching(offers(), typed))

/**
 * The required arguments that every caller must give. One that the configuration has a value for, if only for some
 * client, may be left out; `merge` says whose value is missing then.
 */
const required = (prompt: Prompt, variables: ClientVariables["Service"]): ReadonlySet<string> => {
  const missing = (given: Readonly<Record<string, string>>) => variables.merge(prompt, given).missing
  return variables
    .clients(prompt)
    .map((client) => new Set(missing({ [clientId]: client })))
    .reduce((names, others) => names.intersection(others), new Set(missing({})))
}

/** Everything that is wrong with what a caller gave: also arguments that are blank, or missing for this client. */
const problems = ({ issues, missing }: Merged) => [
  ...missing.map((path) => ({ path, message: "required, but missing" })),
  ...issues
]

export const promptEntry = (
  prompt: Prompt,
  templates: Templates["Service"],
  variables: ClientVariables["Service"]
): PromptEntry => {
  const { arguments: declared, description, icons, name, template, title } = prompt
  const mandatory = required(prompt, variables)
  const args = Object.entries(declared).map(
    ([argument, { description: about, initial, offers }]): PromptArgument => ({
      name: argument,
      description: initial === undefined ? about : `${about} Default: ${initial}.`,
      required: mandatory.has(argument),
      ...(offers !== undefined && { complete: offering(() => offers) })
    })
  )
  args.push({
    name: clientId,
    description: "Whose configured variables to use.",
    required: false,
    complete: offering(() => variables.clients(prompt))
  })
  return {
    name,
    title,
    description,
    icons,
    scopes: ["call"],
    arguments: args,
    get: Effect.fnUntraced(function* (given) {
      const merged = variables.merge(prompt, given)
      const issues = problems(merged)
      if (issues.length > 0) return yield* new InvalidArguments({ name, issues })
      const written = yield* Effect.mapError(
        templates.render(template, values(merged)),
        (error) => new Failed({ name, detail: error.brief })
      )
      return { messages: [{ role: "user" as const, content: text(written) }] }
    })
  }
}
