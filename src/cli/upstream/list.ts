/** `manifold upstream list`: state of each configured server, and the tokens of its tool definitions. */
import { Console, Effect, Layer } from "effect"
import * as Command from "effect/cli/Command"
import { Tokens } from "../../../layers/ledger/Tokens.ts"
import { catalog } from "../../program/program.ts"
import type { Managed } from "../../upstreams/manageUpstreams.ts"
import { Upstreams } from "../../upstreams/Upstreams.ts"
import { jsonFlag } from "./jsonFlag.ts"

/** Time for all servers to connect. */
const patience = "10 seconds"

/** A definition in the form that model providers receive. */
const definitionText = ({ description, inputSchema, name }: Readonly<Record<string, unknown>>) =>
  JSON.stringify({ name, description, input_schema: inputSchema })

const rowOf = Effect.fnUntraced(function* ({ lists, summary }: Managed) {
  const tokens = yield* Tokens
  const { failure, ...row } = yield* summary
  const counts = yield* Effect.forEach((yield* lists).tools, (item) => tokens.count("", definitionText(item)))
  const sum = counts.reduce((total, count) => total + count.tokens, 0)
  return {
    name: row.name,
    state: row.state,
    since: new Date(row.since).toISOString(),
    tools: row.tools,
    prompts: row.prompts,
    resources: row.resources,
    tokens: sum,
    held: row.held,
    looped: row.looped,
    ...(failure !== undefined && {
      reason:
        failure.signIn === undefined ? failure.detail : `sign in with: manifold upstream login ${row.name}`
    })
  }
})

export const list = Command.make(
  "list",
  { json: jsonFlag },
  Effect.fnUntraced(
    function* ({ json }) {
      const { served } = yield* Upstreams
      yield* Effect.forEach(
        served().values(),
        ({ connection }) => Effect.ignore(Effect.timeout(connection, patience)),
        { concurrency: "unbounded", discard: true }
      )
      const rows = yield* Effect.forEach([...served().values()], rowOf)
      if (json) return yield* Console.log(JSON.stringify(rows))
      if (rows.length === 0) return yield* Console.log("No servers. To add one: manifold upstream add")
      const width = Math.max(...rows.map(({ name }) => name.length))
      for (const { held, looped, name, reason, state, tokens, tools } of rows) {
        yield* Console.log(
          [
            name.padEnd(width),
            state.padEnd(12),
            `${tools} tools, about ${tokens} tokens`,
            ...(held.length === 0 ? [] : [`held back: ${held.join(", ")}`]),
            ...(looped === 0 ? [] : [`${looped} entries of this service are not served again`]),
            ...(reason === undefined ? [] : [reason.replaceAll(/\s*\n\s*/g, " ")])
          ].join("  ")
        )
      }
    },
    Effect.provide(Layer.merge(catalog, Tokens.layer))
  )
).pipe(
  Command.withDescription(
    "Connect to each configured server; show its state, tools, and the tokens of their definitions"
  )
)
