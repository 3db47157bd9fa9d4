/** Wakes readers of conversations that wait for new events. */
import { Effect } from "effect"
import { Waiters } from "../platform/Waiters.ts"

export class Wakers {
  readonly #waiting = new Map<string, Waiters>()

  /** Conversations that readers wait for. */
  get conversations(): ReadonlyArray<string> {
    return [...this.#waiting.keys()]
  }

  wake(conversation: string) {
    const waiters = this.#waiting.get(conversation)
    this.#waiting.delete(conversation)
    waiters?.wake()
  }

  /** Until the next `wake`, or not at all if `ready` holds already. */
  wait(conversation: string, ready: () => boolean): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (ready()) return Effect.void
      const waiters = this.#waiting.get(conversation) ?? new Waiters()
      this.#waiting.set(conversation, waiters)
      return Effect.onInterrupt(waiters.wait(ready), () =>
        Effect.sync(() => {
          if (waiters.size === 0 && this.#waiting.get(conversation) === waiters) {
            this.#waiting.delete(conversation)
          }
        })
      )
    })
  }
}
