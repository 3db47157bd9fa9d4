/** Signals that the test sends to its process. */
import { expect } from "bun:test"
import { Deferred, Effect, Exit, Layer, Scope } from "effect"
import { OutputStreams } from "../../../layers/platform/OutputStreams.ts"
import { Signals } from "../../../layers/platform/Signals.ts"
import { it } from "../../support/effect.ts"

const signals = (terminal: boolean) =>
  Effect.provide(
    Signals,
    Layer.fresh(Signals.layer).pipe(Layer.provide(OutputStreams.layerTest(() => Effect.void, terminal)))
  )

it.live("SIGHUP calls the handler until the scope closes", () =>
  Effect.gen(function* () {
    const before = process.listenerCount("SIGHUP")
    const heard = yield* Deferred.make<void>()
    const scope = yield* Scope.make()
    const { onHangup } = yield* signals(false)
    yield* Scope.provide(
      onHangup(() => Deferred.doneUnsafe(heard, Exit.void)),
      scope
    )
    process.kill(process.pid, "SIGHUP")
    yield* Deferred.await(heard)
    yield* Scope.close(scope, Exit.void)
    expect(process.listenerCount("SIGHUP")).toBe(before)
  })
)

it.live("SIGHUP in a terminal keeps its default effect", () =>
  Effect.gen(function* () {
    const before = process.listenerCount("SIGHUP")
    const { onHangup } = yield* signals(true)
    yield* onHangup(() => undefined)
    expect(process.listenerCount("SIGHUP")).toBe(before)
  })
)
