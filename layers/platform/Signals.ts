/** Signals that a running program acts on. Those that end it belong to `Platform.runMain`. */
import { Context, Effect, Layer, type Scope } from "effect"
import { OutputStreams } from "./OutputStreams.ts"

export class Signals extends Context.Service<
  Signals,
  {
    /** Calls `handler` at each SIGHUP until the scope closes. */
    readonly onHangup: (handler: () => void) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/platform/Signals") {
  /**
   * The signals of this process. On Windows nobody sends SIGHUP; in a terminal it says that the terminal is gone, and
   * keeps its usual effect.
   */
  static readonly layer = Layer.effect(
    Signals,
    Effect.gen(function* () {
      const { stderr } = yield* OutputStreams
      const meansReload = process.platform !== "win32" && !(yield* stderr.isTerminal)
      return Signals.of({
        onHangup: (handler) =>
          meansReload
            ? Effect.asVoid(
                Effect.acquireRelease(
                  Effect.sync(() => process.on("SIGHUP", handler)),
                  () => Effect.sync(() => process.off("SIGHUP", handler))
                )
              )
            : Effect.void
      })
    })
  )
}
