/** How a running call tells whoever waits for it how far it has come. */
import { Context, Effect, Layer } from "effect"

export interface Update {
  /** How much is done, in the unit of `total`; never less than in the update before. */
  readonly progress: number
  /** How much there is to do; absent while unknown. */
  readonly total?: number
  readonly message?: string
}

export class Progress extends Context.Service<
  Progress,
  {
    /** Costs nothing when nobody listens. */
    readonly report: (update: Update) => Effect.Effect<void>
  }
>()("manifold/progress/Progress") {
  /** Nobody listens. */
  static readonly silent = Progress.of({ report: () => Effect.void })
  static readonly layerSilent = Layer.succeed(Progress, Progress.silent)
}
