/** Contributions whose entries are not known yet: requests that need a complete catalog wait for them. */
import { Effect, Fiber, type Scope } from "effect"
import type { Principal } from "../domain/Principal.ts"

/** Makes the entries of a principal, or new ones, when it needs them; `undefined` if they are there. It must end soon. */
export type OnDemand = (principal: Principal) => Effect.Effect<void> | undefined

export class PendingContributions {
  readonly #fibers = new Set<Fiber.Fiber<void>>()
  readonly #onDemand = new Set<OnDemand>()

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

  /** Until the scope closes. */
  addOnDemand(open: OnDemand): Effect.Effect<void, never, Scope.Scope> {
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => this.#onDemand.add(open)),
        () => Effect.sync(() => this.#onDemand.delete(open))
      )
    )
  }

  /**
   * `own`: waits only for entries that are made for the principal. Undefined while there is nothing to wait for, so that a call pays
   * nothing.
   */
  settled(principal: Principal, waitFor: "all" | "own" = "all"): Effect.Effect<void> | undefined {
    if (this.#fibers.size === 0 && this.#onDemand.size === 0) return undefined
    const all: Array<Effect.Effect<unknown>> = []
    if (waitFor === "all") for (const fiber of this.#fibers) all.push(Fiber.await(fiber))
    for (const open of this.#onDemand) {
      const opening = open(principal)
      if (opening !== undefined) all.push(opening)
    }
    return all.length === 0 ? undefined : Effect.asVoid(Effect.all(all, { concurrency: "unbounded" }))
  }
}
