/** SIGHUP as a service. Signals that end the program are handled by `Platform.runMain`. */
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
   * Signals of this process. SIGHUP is ignored on Windows, which does not send it, and keeps its default effect in a
   * terminal, where it means that the terminal was closed.
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
