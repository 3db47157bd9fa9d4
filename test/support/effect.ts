/**
 * Runs Effects as `bun:test` tests: `it.effect(name, effect)` on a virtual clock, `it.live` on the real one, and
 * `it.concurrent` on the real one at the same time as its neighbours, for tests that wait for time to pass.
 */
import { test } from "bun:test"
import { Effect, Layer, type Scope } from "effect"
import { TestClock, TestConsole } from "effect/testing"

/** Time limit in milliseconds. Tests wait for events, so it only ends a test that hangs. */
const patience = 60_000

const virtual = Layer.mergeAll(TestClock.layer(), TestConsole.layer)

const effect = <E>(
  name: string,
  body: () => Effect.Effect<unknown, E, Scope.Scope | TestClock.TestClock | TestConsole.TestConsole>,
  timeout = patience
) =>
  test(
    name,
    () => Effect.runPromise(Effect.scoped(Effect.suspend(body)).pipe(Effect.provide(virtual))),
    timeout
  )

type Live = <E>(name: string, body: () => Effect.Effect<unknown, E, Scope.Scope>, timeout?: number) => void

const liveWith =
  (register: typeof test | typeof test.concurrent): Live =>
  (name, body, timeout = patience) =>
    register(name, () => Effect.runPromise(Effect.scoped(Effect.suspend(body))), timeout)

export const it = { effect, live: liveWith(test), concurrent: liveWith(test.concurrent) }
