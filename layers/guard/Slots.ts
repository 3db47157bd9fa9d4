/** How many calls may run at once, and how many may wait for their turn, first come, first served. */
import { Duration, Effect } from "effect"
import { Busy } from "./refusals.ts"

export interface SlotsOptions {
  /** The limit's name, for messages. */
  readonly limit: string
  readonly max: number
  /** How many may wait. */
  readonly queue: number
  /** How long each may wait, in milliseconds. */
  readonly patience: number
}

export class Slots {
  readonly options: SlotsOptions
  #running = 0
  /** In the order in which they came. */
  readonly #waiting = new Set<() => void>()

  constructor(options: SlotsOptions) {
    this.options = options
  }

  get idle(): boolean {
    return this.#running === 0 && this.#waiting.size === 0
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Takes a slot if one is free. */
  takeUnsafe(): boolean {
    if (this.#running >= this.options.max) return false
    this.#running++
    return true
  }

  /** Gives a slot back: to the one who waited longest. */
  release(): void {
    const next = this.#waiting.values().next()
    if (next.done === true) this.#running--
    else {
      this.#waiting.delete(next.value)
      next.value()
    }
  }

  /** Waits for a slot and takes it; `name` is what `Busy` says of the call. Who is interrupted meanwhile waits no more. */
  take(name: string): Effect.Effect<void, Busy> {
    return Effect.suspend(() => {
      if (this.takeUnsafe()) return Effect.void
      const { patience, queue } = this.options
      if (this.#waiting.size >= queue) return Effect.fail(this.#busy(name))
      let mine = false
      const wait = Effect.callback<void>((resume) => {
        const turn = () => {
          mine = true
          resume(Effect.void)
        }
        this.#waiting.add(turn)
        return Effect.sync(() => {
          // A turn that came together with the interruption is passed on.
          if (!this.#waiting.delete(turn) && mine) this.release()
        })
      })
      return Effect.timeoutOrElse(wait, {
        duration: Duration.millis(patience),
        orElse: () => Effect.fail(this.#busy(name))
      })
    })
  }

  #busy(name: string) {
    const { limit, max, patience } = this.options
    return new Busy({ limit, name, max, waiting: this.#waiting.size, retryAfter: patience })
  }
}
