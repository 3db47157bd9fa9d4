/** `manifold list tools|prompts|resources`: what the catalog holds. */
import { Console, Effect } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Catalog, type Listing } from "../catalog/Catalog.ts"
import { stdioUser } from "../domain/Principal.ts"
import * as wire from "../mcp/wire.ts"
import { catalog } from "../program/program.ts"

const all = Effect.fnUntraced(function* <A>(listing: Listing<A>) {
  const items: Array<A> = []
  let cursor: string | undefined
  do {
    const page = yield* listing(stdioUser, cursor)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return items
})

interface Row {
  readonly key: string
  readonly about: string
  readonly json: object
}

const row = (key: string, about: string | undefined, json: object): Row => ({ key, about: about ?? "", json })

const rows = {
  tools: (from: Catalog["Service"]) =>
    Effect.map(all(from.tools), (entries) =>
      entries.map((it) => row(it.name, it.description, wire.tool(it)))
    ),
  prompts: (from: Catalog["Service"]) =>
    Effect.map(all(from.prompts), (entries) =>
      entries.map((it) => row(it.name, it.description, wire.prompt(it)))
    ),
  resources: Effect.fnUntraced(function* (from: Catalog["Service"]) {
    const resources = yield* all(from.resources)
    const templates = yield* all(from.templates)
    return [
      ...resources.map((it) => row(it.uri, it.description, wire.resource(it))),
      ...templates.map((it) => row(it.uriTemplate, it.description, wire.template(it)))
    ]
  })
}

export const list = Command.make(
  "list",
  {
    kind: Argument.Literals("kind", ["tools", "prompts", "resources"]).pipe(
      Argument.withDescription("What to list")
    ),
    json: Flag.Boolean("json").pipe(
      Flag.withDescription("Print JSON, as MCP lists it"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ json, kind }) {
    const found = yield* rows[kind](yield* Catalog)
    if (json) return yield* Console.log(JSON.stringify(found.map((it) => it.json)))
    const width = Math.max(0, ...found.map(({ key }) => key.length))
    for (const { about, key } of found) yield* Console.log(`${key.padEnd(width)}  ${about}`.trimEnd())
  }, Effect.provide(catalog))
).pipe(
  Command.withDescription("List tools, prompts or resources"),
  Command.withExamples([
    { command: "manifold list tools", description: "A line for each: its name and what it is for" },
    { command: "manifold list resources --json", description: "As MCP lists them, with their schemas" }
  ])
)
