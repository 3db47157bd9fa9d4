/** A resumed handler uses the services of the second request: charges and nested calls. */
import { expect } from "bun:test"
import { Cause, Deferred, Duration, Effect, Exit, Layer, Schema } from "effect"
import { RunningCall } from "../../../layers/ledger/Calls.ts"
import { Spend } from "../../../layers/ledger/Spend.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { Quotas } from "../../../layers/quotas/Quotas.ts"
import { Client, elicit } from "../../../src/catalog/Client.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { Suspended } from "../../../src/mcp/inputRequests.ts"
import type { Resumption } from "../../../src/mcp/Continuation.ts"
import { SuspendedCalls } from "../../../src/mcp/SuspendedCalls.ts"
import { fixedBudget, usd } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { guard, protect } from "../../support/guard.ts"

const limits = { max: 10, maxPerPrincipal: 10, timeout: Duration.minutes(10) }
const asking = Layer.succeed(Client, { ...Client.absent, supports: () => true })

it.effect("the clean-up of a dropped handler does not affect its replacement", () =>
  Effect.gen(function* () {
    const { count, rounds } = yield* SuspendedCalls.make({ ...limits, maxPerPrincipal: 2 })
    const left: Array<string> = []
    const cleaning = yield* Deferred.make<void>()
    const cleaned = yield* Deferred.make<void>()
    const handler = (name: string) =>
      elicit("Which size?", Schema.Struct({ size: Schema.String }), "size").pipe(
        Effect.onInterrupt(() => {
          left.push(name)
          return left.length === 1
            ? Effect.andThen(Deferred.await(cleaning), Deferred.succeed(cleaned, undefined))
            : Effect.void
        })
      )
    const round = (name: string, answers: Resumption["answers"] = {}, waiting?: Resumption["waiting"]) =>
      protect({ name }, rounds({ principal: stdioUser, request: name, answers, waiting })(handler(name)))
    const ask = (name: string) =>
      Effect.map(Effect.exit(round(name)), (exit) => {
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        if (!(defect instanceof Suspended)) throw new Error("The handler was not suspended.")
        return defect.waiting
      })
    const first = yield* ask("a")
    yield* ask("b")
    yield* ask("c")
    expect(left).toEqual(["a"])
    // Runs again, because the first one was dropped; its result evicts the oldest waiting handler.
    const answers = { size: { action: "accept", content: { size: "L" } } }
    yield* round("a", answers, first)
    expect(left).toEqual(["a", "b"])
    yield* Deferred.succeed(cleaning, undefined)
    yield* Deferred.await(cleaned)
    // The handler ends after that and notifies its observers.
    for (let turns = 0; turns < 10; turns++) yield* Effect.yieldNow
    expect([left, yield* count]).toEqual([["a", "b"], 2])
  }).pipe(Effect.provide([guard({}), asking, Ids.layer, Quotas.layerOf()]))
)

it.effect("charges and nested calls belong to the current call", () => {
  const { asked, layer } = fixedBudget("1")
  return Effect.gen(function* () {
    const { rounds } = yield* SuspendedCalls.make(limits)
    const handler = Effect.gen(function* () {
      const { add, extend } = yield* Spend
      const running = yield* RunningCall
      const before = running.call?.name
      yield* add({ usd: usd("0.1") })
      yield* elicit("Which size?", Schema.Struct({ size: Schema.String }), "size")
      yield* extend(usd("0.3"))
      yield* add({ usd: usd("0.2") })
      return [before, running.call?.name]
    })
    const round = (name: string, { answers, waiting }: Pick<Resumption, "answers" | "waiting">) =>
      protect({ name }, rounds({ principal: stdioUser, request: "tools/call", answers, waiting })(handler))

    const first = yield* Effect.exit(round("first", { answers: {}, waiting: undefined }))
    const defect = Exit.isFailure(first) ? Cause.squash(first.cause) : undefined
    if (!(defect instanceof Suspended)) throw new Error("The first round was not suspended.")
    expect(asked).toEqual(["charge 0.1"])

    const answers = { size: { action: "accept", content: { size: "L" } } }
    const second = yield* round("second", { answers, waiting: defect.waiting })
    expect(second).toEqual(["first", "second"])
    expect(asked).toEqual(["charge 0.1", "hold 0.3", "settle 0.2"])
  }).pipe(Effect.provide([guard({}, layer), asking, Ids.layer, Quotas.layerOf()]))
})
