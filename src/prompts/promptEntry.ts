/** Catalog entry of a prompt: arguments, completion and rendering. */
import { Effect } from "effect"
import type { Templates } from "../../layers/templates/Templates.ts"
import { Failed, InvalidArguments } from "../catalog/CatalogError.ts"
import type { Complete, PromptArgument, PromptEntry } from "../catalog/Entry.ts"
import { text } from "../domain/Content.ts"
import type { ClientVariables } from "./ClientVariables.ts"
import { values, type Merged } from "./mergeVariables.ts"
import { clientId, type Prompt } from "./Prompt.ts"

/** Completion values that match the typed text: as a prefix first, then anywhere. */
const matching = (all: ReadonlyArray<string>, typed: string): ReadonlyArray<string> => {
  const wanted = typed.trim().toLowerCase()
  const prefixed = all.filter((value) => value.toLowerCase().startsWith(wanted))
  return [
    ...prefixed,
    ...all.filter((value) => value.toLowerCase().includes(wanted) && !prefixed.includes(value))
  ]
}

const offering =
  (offers: () => ReadonlyArray<string>): Complete =>
  (typed) =>
    Effect.sync(() => matching(offers(), typed))

/**
 * The arguments that every caller must pass. An argument with a configured value for any client is optional;
 * `mergeVariables` reports it as missing for the other clients.
 */
const required = (prompt: Prompt, variables: ClientVariables["Service"]): ReadonlySet<string> => {
  const missing = (given: Readonly<Record<string, string>>) => variables.merge(prompt, given).missing
  return variables
    .clients(prompt)
    .map((client) => new Set(missing({ [clientId]: client })))
    .reduce((names, others) => names.intersection(others), new Set(missing({})))
}

/** Invalid arguments, and required ones that are blank or missing for this client. */
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
    description: "Client whose configured variables to use.",
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
