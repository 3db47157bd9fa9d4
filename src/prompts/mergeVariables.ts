/** Merges a prompt's variables. Precedence: caller's arguments, client's variables, configured defaults, built-in defaults. */
import { Result, Schema } from "effect"
import { explainIssue, unknownKey } from "../../layers/config/explainIssue.ts"
import type { Issue } from "../catalog/CatalogError.ts"
import { cut, maxIssues } from "../catalog/schemaIssues.ts"
import { clientId, type Argument, type Prompt, type Value, type Values } from "./Prompt.ts"

/** Settings of one prompt in the configuration. */
export interface PromptSettings {
  readonly defaults?: Values
  readonly clients?: Readonly<Record<string, Values>>
}

/** Source of a value; `undefined` if there is no value. */
export type Origin = "argument" | "client" | "defaults" | "built in" | undefined

export interface Variable {
  readonly name: string
  readonly value: Value | undefined
  readonly from: Origin
}

export interface Merged {
  /** In the order of the prompt's declaration, `client_id` last. */
  readonly variables: ReadonlyArray<Variable>
  /** Problems of the caller's arguments. */
  readonly issues: ReadonlyArray<Issue>
  /** Required arguments without a value. */
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

/** An unknown client gets the defaults. A blank argument counts as absent, because forms send blank fields. */
export const mergeVariables = (
  prompt: Prompt,
  settings: PromptSettings | undefined,
  given: Readonly<Record<string, string>>
): Merged => {
  const issues: Array<Issue> = []
  const known = [...Object.keys(prompt.arguments), clientId]
  for (const name of Object.keys(given)) {
    // Each suggestion compares the name with every known one.
    if (issues.length >= maxIssues) break
    if (!known.includes(name)) {
      issues.push({ path: name.slice(0, 100), message: unknownKey(name.slice(0, 100), known) })
    }
  }
  const client = own(given, clientId)
  const clientVariables = client === undefined ? undefined : own(settings?.clients, client)
  const find = (name: string, argument: Argument): Variable => {
    const value = own(given, name)
    if (value !== undefined && value.trim() !== "") {
      const decoded = decode(argument, value)
      if (Result.isSuccess(decoded)) return { name, value: decoded.success, from: "argument" }
      for (const { message } of explainIssue(decoded.failure.issue, name))
        issues.push({ path: name, message: cut(message) })
    }
    const fromClient = own(clientVariables, name)
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
