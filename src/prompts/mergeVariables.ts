/** Puts a prompt's variables together: what it begins with, the configured defaults, the client's, the caller's. */
import { Result, Schema } from "effect"
import { explainIssue, unknownKey } from "../../layers/config/explainIssue.ts"
import type { Issue } from "../catalog/CatalogError.ts"
import { cut, maxIssues } from "../catalog/schemaIssues.ts"
import { clientId, type Argument, type Prompt, type Value, type Values } from "./Prompt.ts"

/** What a configuration says of one prompt. */
export interface PromptSettings {
  readonly defaults?: Values
  readonly clients?: Readonly<Record<string, Values>>
}

/** Who said so; `undefined`: nobody did. */
export type Origin = "argument" | "client" | "defaults" | "built in" | undefined

export interface Variable {
  readonly name: string
  readonly value: Value | undefined
  readonly from: Origin
}

export interface Merged {
  /** In the order in which the prompt declares them, `client_id` last. */
  readonly variables: ReadonlyArray<Variable>
  /** What is wrong with the caller's arguments. */
  readonly issues: ReadonlyArray<Issue>
  /** Arguments that somebody has to give yet. */
  readonly missing: ReadonlyArray<string>
}

const decoders = new WeakMap<Argument, (input: unknown) => Result.Result<Value, Schema.SchemaError>>()
const decode = (argument: Argument, input: unknown) => {
  let decoder = decoders.get(argument)
  if (decoder === undefined) {
    decoder = Schema.decodeUnknownResult(argument.schema(), { reportInput: true })
    decoders.set(argument, decoder)
  }
  return decoder(input)
}

const own = <A>(record: Readonly<Record<string, A>> | undefined, key: string): A | undefined =>
  record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined

export const values = ({ variables }: Merged): Values =>
  Object.fromEntries(variables.map(({ name, value }) => [name, value]))

/** An unknown client has the defaults. A blank argument counts as not given: forms send those. */
export const mergeVariables = (
  prompt: Prompt,
  settings: PromptSettings | undefined,
  given: Readonly<Record<string, string>>
): Merged => {
  const issues: Array<Issue> = []
  const known = [...Object.keys(prompt.arguments), clientId]
  for (const name of Object.keys(given)) {
    // Each suggestion costs a comparison with every known name.
    if (issues.length >= maxIssues) break
    if (!known.includes(name)) {
      issues.push({ path: name.slice(0, 100), message: unknownKey(name.slice(0, 100), known) })
    }
  }
  const client = own(given, clientId)
  const theirs = client === undefined ? undefined : own(settings?.clients, client)
  const find = (name: string, argument: Argument): Variable => {
    const said = own(given, name)
    if (said !== undefined && said.trim() !== "") {
      const decoded = decode(argument, said)
      if (Result.isSuccess(decoded)) return { name, value: decoded.success, from: "argument" }
      for (const { message } of explainIssue(decoded.failure.issue, name))
        issues.push({ path: name, message: cut(message) })
    }
    const fromClient = own(theirs, name)
    if (fromClient !== undefined) return { name, value: fromClient, from: "client" }
    const fromDefaults = own(settings?.defaults, name)
    if (fromDefaults !== undefined) return { name, value: fromDefaults, from: "defaults" }
    const { initial } = argument
    return { name, value: initial, from: initial === undefined ? undefined : "built in" }
  }
  const variables = Object.entries(prompt.arguments).map(([name, argument]) => find(name, argument))
  variables.push({ name: clientId, value: client, from: client === undefined ? undefined : "argument" })
  const missing = variables
    .filter(({ name, value }) => value === undefined && prompt.arguments[name]?.required === true)
    .map(({ name }) => name)
    .filter((name) => !issues.some(({ path }) => path === name))
  const merged = { variables, issues, missing }
  const problem = issues.length > 0 ? undefined : prompt.together?.(values(merged))
  if (problem !== undefined) issues.push(problem)
  return merged
}
