/** Calls POSTs that wait for longer than a delay, with one native timer for all: nearly all of them have a response before. */
import { type Member, MemberList } from "../../src/domain/MemberList.ts"

export interface Delayed extends Member {
  /** Set by the list, in milliseconds of `performance.now`. */
  dueAt: number
  /** Called once, after the delay. */
  readonly due: () => void
}

export class StreamDelay {
  /** In milliseconds. */
  readonly #delay: number
  readonly #waiting = new MemberList<Delayed>()
  #isArmed = false

  constructor(delay: number) {
    this.#delay = delay
  }

  add(one: Delayed) {
    one.dueAt = performance.now() + this.#delay
    this.#waiting.add(one)
    if (!this.#isArmed) this.#arm(this.#delay)
  }

  /** Nothing happens to one that does not wait. */
  remove(one: Delayed) {
    this.#waiting.remove(one)
  }

  /** It is not cleared when nothing waits, as that would be after each batch of calls. */
  #arm(delay: number) {
    this.#isArmed = true
    // Not an Effect: one timer for all that wait, whose fibers may end while others still wait.
    setTimeout(() => this.#fire(), delay)
  }

  #fire() {
    this.#isArmed = false
    const now = performance.now()
    let next = Infinity
    for (const one of this.#waiting.all()) {
      if (one.dueAt > now) {
        next = Math.min(next, one.dueAt)
        continue
      }
      this.#waiting.remove(one)
      one.due()
    }
    if (next < Infinity && !this.#isArmed) this.#arm(next - now)
  }
}
