/** Wakes readers of conversations that wait for new events. */
import { Effect } from "effect"

export class Wakers {
  readonly #waiting = new Map<string, Set<() => void>>()

  /** Conversations that readers wait for. */
  get conversations(): ReadonlyArray<string> {
    return [...this.#waiting.keys()]
  }

  wake(conversation: string) {
    const waiting = this.#waiting.get(conversation)
    if (waiting === undefined) return
    this.#waiting.delete(conversation)
    for (const resume of waiting) resume()
  }

  /** Until the next `wake`, or not at all if `ready` holds already. */
  wait(conversation: string, ready: () => boolean): Effect.Effect<void> {
    return Effect.callback<void>((resume) => {
      if (ready()) {
        resume(Effect.void)
        return Effect.void
      }
      const wakeUp = () => resume(Effect.void)
      let waiting = this.#waiting.get(conversation)
      if (waiting === undefined) this.#waiting.set(conversation, (waiting = new Set()))
      waiting.add(wakeUp)
      return Effect.sync(() => {
        const set = this.#waiting.get(conversation)
        set?.delete(wakeUp)
        if (set?.size === 0) this.#waiting.delete(conversation)
      })
    })
  }
}
