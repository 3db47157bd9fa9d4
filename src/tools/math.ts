/** Adds and subtracts two numbers. */
import { Effect, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { Shown } from "../catalog/toolkitEntries.ts"

const Operands = Schema.Struct({ a: Schema.Finite, b: Schema.Finite })
const Result = Schema.Struct({ result: Schema.Finite })

/** The result is too large for a double-precision number. */
class Overflow extends Schema.TaggedError<Overflow>()("Overflow", {}) {
  override get message() {
    return "The result is too large for a double-precision number."
  }
}

const calculation = <const Name extends string>(name: Name, title: string, description: string) =>
  Tool.make(name, { description, parameters: Operands, success: Result, failure: Overflow })
    .annotate(Tool.Title, title)
    .annotate(Tool.Readonly, true)
    .annotate(Tool.Destructive, false)
    .annotate(Tool.Idempotent, true)
    .annotate(Tool.OpenWorld, false)
    .annotate(Shown, ({ result }: typeof Result.Type) => String(result))

const finite = (result: number) =>
  Number.isFinite(result) ? Effect.succeed({ result }) : Effect.fail(new Overflow())

export const toolkit = Toolkit.make(
  calculation("math.add", "Add", "Add b to a."),
  calculation("math.sub", "Subtract", "Subtract b from a.")
)
export const layer = toolkit.toLayer({
  "math.add": ({ a, b }) => finite(a + b),
  "math.sub": ({ a, b }) => finite(a - b)
})
