/** Fills the database of a state folder with a day of model calls that are the same each time, for pictures and tests. */
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { RunningCall } from "../../layers/ledger/Calls.ts"
import { Spend } from "../../layers/ledger/Spend.ts"
import { Principal } from "../../src/domain/Principal.ts"
import { usd } from "./budget.ts"
import { protect } from "./guard.ts"
import type { StorageSettings } from "./databases.ts"
import { process } from "./usage.ts"

const people = ["ada", "grace", "linus"].map(
  (subject) =>
    new Principal({ subject, clientId: "desktop", scopes: ["call"], ceiling: ["call"], source: "api-token" })
)
const models = [
  { provider: "openai", model: "gpt-5.1", price: 14 },
  { provider: "anthropic", model: "claude-opus-4-5", price: 31 },
  { provider: "groq", model: "gpt-oss-120b", price: 2 }
] as const

/** Calls of each hour of the day before `end`, in milliseconds since the epoch: few at night, more in the afternoon. */
const perHour = [0, 0, 0, 1, 0, 0, 2, 5, 9, 14, 12, 8, 6, 11, 16, 18, 13, 9, 6, 4, 3, 2, 4, 7]

export const exampleDay = Effect.fnUntraced(function* (storage: StorageSettings, end: number) {
  const { run } = yield* process(storage)
  let index = 0
  for (const [hour, calls] of perHour.entries()) {
    yield* TestClock.setTime(end - (perHour.length - 1 - hour) * 3_600_000)
    for (let call = 0; call < calls; call++) {
      const { price, ...model } = models[index % 7 === 0 ? 1 : index % 3 === 0 ? 2 : 0] ?? models[0]
      const by = people[index % 5 === 0 ? 1 : index % 11 === 0 ? 2 : 0] ?? people[0]
      const [input, output] = [1200 + ((index * 733) % 2900), 180 + ((index * 271) % 700)]
      const usage = {
        input_tokens: input,
        output_tokens: output,
        total_tokens: input + output,
        cached_input_tokens: index % 2 === 0 ? 1024 : 0
      }
      const charge = { ...model, usage, usd: usd(String((price * (input / 8 + output)) / 1e6)) }
      const nested = Effect.flatMap(RunningCall, ({ call: parent }) =>
        protect(
          { kind: "model", name: model.model, estimate: () => usd("0.2"), parent, ...(by && { by }) },
          Effect.flatMap(Spend, ({ add }) => add(charge))
        )
      )
      yield* run(protect({ name: "ask-model", ...(by && { by }) }, nested))
      index++
    }
  }
})
