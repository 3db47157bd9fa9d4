/** `manifold list tools|prompts|resources`: lists the entries of the catalog. */
import { Console, Effect, Option } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Catalog } from "../catalog/Catalog.ts"
import { NotFound } from "../catalog/CatalogError.ts"
import type { PromptEntry } from "../catalog/Entry.ts"
import * as mcpEntries from "../mcp/mcpEntries.ts"
import { catalog } from "../program/program.ts"
import { argumentTable } from "./argumentTable.ts"
import { allPages } from "./allPages.ts"
import { unknownName } from "./UsageError.ts"

interface Row {
  readonly key: string
  readonly about: string
  readonly json: object
  /** Lines of the argument table; absent for kinds without arguments. */
  readonly details?: ReadonlyArray<string>
}

const row = (key: string, about: string | undefined, json: object, details?: ReadonlyArray<string>): Row => ({
  key,
  about: about ?? "",
  json,
  ...(details !== undefined && { details })
})

/** A prompt's arguments as a JSON Schema; all of them are strings. */
const promptSchema = ({ arguments: given }: PromptEntry) => ({
  properties: Object.fromEntries(
    given.map(({ description, name }) => [name, { type: "string", description }])
  ),
  required: given.filter(({ required }) => required).map(({ name }) => name)
})

const describe = ({ about, details, key }: Row): ReadonlyArray<string> => [
  key,
  ...(about === "" ? [] : [`  ${about}`]),
  ...(details === undefined
    ? []
    : details.length === 0
      ? ["", "No arguments."]
      : ["", "Arguments:", ...details])
]

const kindOf = { tools: "tool", prompts: "prompt", resources: "resource" } as const

const rows = {
  tools: (from: Catalog["Service"]) =>
    Effect.map(allPages(from.tools), (entries) =>
      entries.map((it) => row(it.name, it.description, mcpEntries.tool.toObject(it), argumentTable(it.input)))
    ),
  prompts: (from: Catalog["Service"]) =>
    Effect.map(allPages(from.prompts), (entries) =>
      entries.map((it) =>
        row(it.name, it.description, mcpEntries.prompt.toObject(it), argumentTable(promptSchema(it)))
      )
    ),
  resources: Effect.fnUntraced(function* (from: Catalog["Service"]) {
    const resources = yield* allPages(from.resources)
    const templates = yield* allPages(from.templates)
    return [
      ...resources.map((it) => row(it.uri, it.description, mcpEntries.resource.toObject(it))),
      ...templates.map((it) => row(it.uriTemplate, it.description, mcpEntries.template.toObject(it)))
    ]
  })
}

export const list = Command.make(
  "list",
  {
    kind: Argument.Literals("kind", ["tools", "prompts", "resources"]).pipe(
      Argument.withDescription("What to list")
    ),
    name: Argument.String("name").pipe(
      Argument.withDescription("Show only this entry, with its arguments"),
      Argument.optional
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON, in the format of MCP list results"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json, kind, name }) {
    const found = yield* rows[kind](yield* Catalog)
    if (Option.isSome(name)) {
      const one = found.find(({ key }) => key === name.value)
      if (one === undefined) {
        const known = Effect.succeed(found.map(({ key }) => key))
        return yield* unknownName(kind, known)(new NotFound({ kind: kindOf[kind], name: name.value }))
      }
      return yield* Console.log(json ? JSON.stringify(one.json) : describe(one).join("\n"))
    }
    if (json) return yield* Console.log(JSON.stringify(found.map((it) => it.json)))
    const width = Math.max(0, ...found.map(({ key }) => key.length))
    for (const { about, key } of found) yield* Console.log(`${key.padEnd(width)}  ${about}`.trimEnd())
  }, Effect.provide(catalog))
).pipe(
  Command.withDescription("List tools, prompts or resources"),
  Command.withExamples([
    { command: "manifold list tools", description: "One line per tool: name and description" },
    { command: "manifold list tools math.add", description: "One tool and its arguments" },
    { command: "manifold list resources --json", description: "In the format of MCP list results" }
  ])
)
