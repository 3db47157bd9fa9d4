/** Progress of a running call: the service through which its handler reports. */
import { Context, Effect, type Schema } from "effect"

export interface Update {
  /** Amount done, in the unit of `total`. A lower value than before is ignored. */
  readonly progress: number
  /** Amount to do; absent while unknown. */
  readonly total?: number
  readonly message?: string
  /** Additional data for listeners. */
  readonly details?: Readonly<Record<string, Schema.Json>>
}

/** A step that takes about `weight` times as long as a step of weight 1, the weight of a bare name. */
export interface Weighted<Name extends string> {
  readonly name: Name
  readonly weight: number
}

export interface Steps<in Name extends string> {
  /**
   * Runs the effect as that step, and publishes its start, and its success, failure or interruption. Reports of the
   * effect to `Progress` are progress of the step. Steps may run concurrently, and more than once.
   */
  readonly step: <A, E, R>(
    name: Name,
    effect: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, Exclude<R, Progress>>
  /**
   * Enters a step, for work that reports only the start of each step: the steps before it count as done. Entering an
   * earlier step again is ignored. `message` is shown to people; default: the name.
   */
  readonly begin: (name: Name, message?: string) => Effect.Effect<void>
}

/** Costs next to nothing without listeners. Ignored after the call has ended. */
export interface Reporter {
  /** Reports progress in a unit of the handler's choice. May be called often: events are rate-limited. */
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
   * A reporter for a part of the work, with its weight among the other parts. Create all parts before the first one
   * starts: a later one makes the percentage stall. The same label is the same part, so that retried work continues
   * where it was.
   */
  readonly child: (label: string, weight?: number) => Reporter
}

export class Progress extends Context.Service<Progress, Reporter>()("manifold/progress/Progress") {
  /** Ignores every report. */
  static readonly silent: Reporter = Progress.of({
    report: () => Effect.void,
    steps: () => ({
      step: (_, effect) => Effect.provideService(effect, Progress, Progress.silent),
      begin: () => Effect.void
    }),
    child: () => Progress.silent
  })
}
