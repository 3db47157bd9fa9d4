/** Toolkit tools beyond plain JSON types. */
import { expect } from "bun:test"
import { Effect, Layer, Schema } from "effect"
import { Tool, Toolkit } from "effect/ai"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Progress } from "../../../layers/progress/Progress.ts"
import { Catalog } from "../../../src/catalog/Catalog.ts"
import * as toolkitEntries from "../../../src/catalog/toolkitEntries.ts"
import { callTool, catalog } from "../../support/callTool.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

class Moment extends Schema.Class<Moment>("Moment")({ at: Schema.Date, count: Schema.BigInt }) {}

const toolkit = Toolkit.make(Tool.make("later", { parameters: Moment, success: Moment }))
const layer = toolkit.toLayer({
  later: ({ at, count }) =>
    Effect.succeed(new Moment({ at: new Date(at.getTime() + 1000), count: count + 1n }))
})

it.effect("dates, big integers and classes are encoded as their JSON Schema declares", () =>
  Effect.gen(function* () {
    const entry = yield* (yield* Catalog).tool(stdioUser, "later")
    const properties = { at: { type: "string" }, count: { type: "string" } }
    expect(entry?.input).toMatchObject({ type: "object", properties })
    expect(entry?.output).toMatchObject({ type: "object", properties })
    const answer = yield* callTool("later", { at: "1970-01-01T00:00:00.000Z", count: "41" })
    const later = { at: "1970-01-01T00:00:01.000Z", count: "42" }
    expect(answer.structured).toEqual(later)
    expect(answer.content).toEqual([{ type: "text", text: JSON.stringify(later) }])
  }).pipe(Effect.provide(toolkitEntries.layer({ toolkit, layer }).pipe(Layer.provideMerge(catalog))))
)

it.effect("a tool may depend on the services of a call only", () => {
  const progressing = Toolkit.make(Tool.make("fine", { dependencies: [Progress] }))
  const foreign = Toolkit.make(Tool.make("foreign", { dependencies: [Ids] }))
  type Accepted<T extends Record<string, Tool.Any>> =
    Toolkit.Toolkit<T> extends Parameters<typeof toolkitEntries.entries<T>>[0] ? true : false
  const accepted: [Accepted<typeof progressing.tools>, Accepted<typeof foreign.tools>] = [true, false]
  return Effect.sync(() => expect(accepted).toEqual([true, false]))
})

it.effect("a tool without a result has no content", () => {
  const quiet = Toolkit.make(Tool.make("quiet"))
  const module = { toolkit: quiet, layer: quiet.toLayer({ quiet: () => Effect.void }) }
  return Effect.gen(function* () {
    expect(yield* callTool("quiet", {})).toEqual({ content: [] })
  }).pipe(Effect.provide(toolkitEntries.layer(module).pipe(Layer.provideMerge(catalog))))
})
