/** Runs Effects one after another, synchronously while none is pending, so that an in-memory store needs no promise. */
import { type Context, type Effect, Exit } from "effect"
import { runSyncOrPromise } from "../platform/runSyncOrPromise.ts"

export class SerialQueue {
  #last: Promise<void> | undefined
  readonly #context: Context.Context<never> | undefined

  /** `context`: of the program, for Effects that log. */
  constructor(context?: Context.Context<never>) {
    this.#context = context
  }

  /** Calls `use` with the result, after everything before it; defects go to `failed`. */
  run<A>(effect: Effect.Effect<A>, use: (value: A) => void, failed: (cause: unknown) => void) {
    const settle = (exit: Exit.Exit<A>) => {
      if (Exit.isSuccess(exit)) use(exit.value)
      else failed(exit.cause)
    }
    const before = this.#last
    const first = before === undefined ? runSyncOrPromise(effect, this.#context) : undefined
    if (first !== undefined && !(first instanceof Promise)) {
      settle(first)
      return
    }
    const mine = (first ?? before ?? Promise.resolve())
      .then(() => first ?? runSyncOrPromise(effect, this.#context))
      .then(settle)
      .finally(() => {
        if (this.#last === mine) this.#last = undefined
      })
    this.#last = mine
  }
}
