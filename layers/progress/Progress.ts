/** How a running call tells whoever waits for it how far it has come. */
import { Context, Effect, type Schema } from "effect"

export interface Update {
  /** How much is done, in the unit of `total`; less than before counts as no progress. */
  readonly progress: number
  /** How much there is to do; absent while unknown. */
  readonly total?: number
  readonly message?: string
  /** What else listeners may want to know. */
  readonly details?: Readonly<Record<string, Schema.Json>>
}

/** A step that takes `weight` times as long as one of weight 1, which is what a bare name has. */
export interface Weighted<Name extends string> {
  readonly name: Name
  readonly weight: number
}

export interface Steps<in Name extends string> {
  /**
   * Runs the effect as that step: told when it begins, done when it succeeds, told as failed when it fails or is
   * interrupted. What the effect reports to `Progress` is the progress of the step. Steps may run side by side, and again.
   */
  readonly step: <A, E, R>(
    name: Name,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, Progress>>
  /**
   * For work that only tells when it enters a step: the steps before it are done now. Entering one of those again is
   * no progress, and is not told. `message` is for people; without one they see the name.
   */
  readonly begin: (name: Name, message?: string) => Effect.Effect<void>
}

/** All of it costs next to nothing when nobody listens, and is silent once the call has ended. */
export interface Reporter {
  /** Says how far the work is, in a unit of the handler's own. May be called as often as there is something to say. */
  readonly report: (update: Update) => Effect.Effect<void>
  /**
   * Divides the work into steps, each a share of the whole by its weight.
   *
   * ```ts
   * const progress = (yield* Progress).steps(["resolve", { name: "download", weight: 8 }, "extract"])
   * const address = yield* progress.step("resolve", resolve(url))
   * const bytes = yield* progress.step("download", download(address)) // may report bytes to Progress
   * return yield* progress.step("extract", extract(bytes))
   * ```
   */
  readonly steps: <const Name extends string>(names: ReadonlyArray<Name | Weighted<Name>>) => Steps<Name>
  /**
   * A part of the work to hand to somebody else, with its share by weight among the other parts. Make all parts before
   * the first of them begins: one that comes later makes the percentage wait. The same label is the same part, so
   * that work that is tried again goes on from where it was.
   */
  readonly child: (label: string, weight?: number) => Reporter
}

export class Progress extends Context.Service<Progress, Reporter>()("manifold/progress/Progress") {
  /** Nobody listens. */
  static readonly silent: Reporter = Progress.of({
    report: () => Effect.void,
    steps: () => ({
      step: (_, effect) => Effect.provideService(effect, Progress, Progress.silent),
      begin: () => Effect.void
    }),
    child: () => Progress.silent
  })
}
