/** Fibers that wait to be woken, such as the readers of a log for its next event. */
import { Effect } from "effect"

export class Waiters {
  #waiting = new Set<() => void>()

  get size(): number {
    return this.#waiting.size
  }

  /** Resumes those that wait now. A fiber runs at once, and may wait again before the others have been resumed. */
  wake() {
    const waiting = this.#waiting
    if (waiting.size === 0) return
    this.#waiting = new Set()
    for (const resume of waiting) resume()
  }

  /** Until the next `wake`, or not at all if `ready` holds already. */
  wait(ready?: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready?.() === true) {
        resume(Effect.void)
        return Effect.void
      }
      const done = () => resume(Effect.void)
      this.#waiting.add(done)
      return Effect.sync(() => this.#waiting.delete(done))
    })
  }
}
