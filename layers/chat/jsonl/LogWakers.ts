/** Wakes readers of the log once the files are not in use, each once: those of all events, and those of responses only. */
import { isTurnResponseType } from "../ChatEvent.ts"
import { Wakers } from "../Wakers.ts"

export class LogWakers {
  readonly events = new Wakers()
  readonly responses = new Wakers()
  /** Conversations with new events, and whether one of them is a response. */
  readonly #changed = new Map<string, boolean>()

  /** `type`: of a new event. Undefined: the conversation was removed. */
  wake(id: string, type?: string) {
    const isResponse = type === undefined || isTurnResponseType(type)
    const known = this.#changed.get(id)
    if (known === undefined && this.#changed.size === 0) queueMicrotask(() => this.#wakeChanged())
    if (known !== true) this.#changed.set(id, isResponse)
  }

  #wakeChanged() {
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const [id, isResponse] of changed) {
      this.events.wake(id)
      if (isResponse) this.responses.wake(id)
    }
  }
}
