/** Contributions whose entries are not known yet: requests that need a complete catalog wait for them. */
import { Effect, Fiber, type Scope } from "effect"

export class PendingContributions {
  readonly #fibers = new Set<Fiber.Fiber<void>>()

  /** Ends with the effect or the scope. */
  add(pending: Effect.Effect<void>): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(
      Effect.tap(Effect.forkScoped(pending), (fiber) =>
        Effect.sync(() => {
          this.#fibers.add(fiber)
          fiber.addObserver(() => this.#fibers.delete(fiber))
        })
      )
    )
  }

  /** Undefined while there is nothing to wait for, so that a call pays nothing. */
  get settled(): Effect.Effect<void> | undefined {
    return this.#fibers.size === 0
      ? undefined
      : Effect.asVoid(
          Effect.forEach([...this.#fibers], (fiber) => Fiber.await(fiber), { concurrency: "unbounded" })
        )
  }
}
