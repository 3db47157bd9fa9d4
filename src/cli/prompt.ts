/** `manifold prompt <name>`: renders a prompt, or shows its variables and where each comes from. */
import { Console, Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Ids } from "../../layers/platform/Ids.ts"
import { Caller } from "../catalog/Caller.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { InvalidArguments } from "../catalog/CatalogError.ts"
import { Client } from "../catalog/Client.ts"
import { stdioUser } from "../domain/Principal.ts"
import { ClientVariables } from "../prompts/ClientVariables.ts"
import { prompts } from "../prompts/index.ts"
import type { Merged, Variable } from "../prompts/mergeVariables.ts"
import { clientId } from "../prompts/Prompt.ts"
import { argFlag } from "./argFlag.ts"
import { namesOf } from "./allPages.ts"
import { unknownName, UsageError } from "./UsageError.ts"
import { catalog } from "../program/program.ts"

type Given = Readonly<Record<string, string>>

const origin = ({ from, name }: Variable, given: Given, { missing }: Merged): string => {
  if (from === "client") return `client ${given[clientId]}`
  return from ?? (missing.includes(name) ? "required" : "not given")
}

const show = (merged: Merged, given: Given): string => {
  const rows = merged.variables.map((variable) => ({
    ...variable,
    value: variable.value === undefined ? "-" : JSON.stringify(variable.value),
    from: origin(variable, given, merged)
  }))
  const width = (key: "name" | "value") => Math.max(...rows.map((row) => row[key].length))
  const [names, shown] = [width("name"), width("value")]
  return rows
    .map(({ from, name, value }) => `${name.padEnd(names)}  ${value.padEnd(shown)}  ${from}`)
    .join("\n")
}

const asJson = ({ variables }: Merged) =>
  JSON.stringify(
    Object.fromEntries(
      variables.map(({ from, name, value }) => [name, { value: value ?? null, from: from ?? null }])
    )
  )

const variables = Effect.fnUntraced(function* (name: string, given: Given, json: boolean) {
  const found = prompts.find((candidate) => candidate.name === name)
  if (found === undefined) {
    const known = prompts.map((candidate) => candidate.name).join(", ")
    return yield* new UsageError({ detail: `Unknown prompt "${name}". Prompts with variables: ${known}` })
  }
  const merged = (yield* ClientVariables).merge(found, given)
  if (merged.issues.length > 0) return yield* new InvalidArguments({ name, issues: merged.issues })
  yield* Console.log(json ? asJson(merged) : show(merged, given))
})

export const prompt = Command.make(
  "prompt",
  {
    name: Argument.String("name").pipe(Argument.withDescription("Name of the prompt, such as summarize")),
    arg: argFlag("Set one argument"),
    client: Flag.String("client").pipe(
      Flag.withDescription("Client whose variables to use (prompts.<name>.clients)"),
      Flag.optional
    ),
    vars: Flag.Boolean("vars").pipe(
      Flag.withDescription("Show the variables and where each comes from instead of the prompt"),
      Flag.withDefault(false)
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON, in the format of the MCP result"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ arg, client, json, name, vars }) {
    const given = {
      ...arg,
      ...(Option.isSome(client) && { [clientId]: client.value })
    }
    if (vars) return yield* variables(name, given, json)
    const entries = yield* Catalog
    const requestId = yield* (yield* Ids).next
    const { description, messages, meta } = yield* entries
      .get(stdioUser, name, given)
      .pipe(
        Effect.provideService(Client, Client.absent),
        Effect.provideService(Caller, { principal: stdioUser, requestId }),
        Effect.catchTag("NotFound", unknownName("prompts", namesOf(entries.prompts)))
      )
    if (json) return yield* Console.log(JSON.stringify({ description, messages, _meta: meta }))
    for (const { content } of messages) {
      yield* Console.log(content.type === "text" ? content.text : JSON.stringify(content))
    }
  }, Effect.provide(catalog))
).pipe(
  Command.withDescription("Render a prompt, or show its variables"),
  Command.withExamples([
    { command: 'manifold prompt summarize --arg topic="Tide pools"', description: "The prompt as text" },
    {
      command: "manifold prompt summarize --client acme --vars",
      description: "Variables of a client and where each comes from"
    }
  ])
)
