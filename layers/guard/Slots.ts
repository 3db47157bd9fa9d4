/** Concurrency limit: a semaphore with a bounded FIFO queue and a queue time-out. */
import { Duration, Effect } from "effect"
import { Busy } from "./GuardError.ts"

export interface SlotsOptions {
  /** The limit's name, for messages. */
  readonly limit: string
  readonly max: number
  /** Maximum length of the queue. */
  readonly queue: number
  /** In milliseconds. */
  readonly queueTimeout: number
}

/** A queued request for a slot. */
interface Waiter {
  granted: boolean
  wake: () => void
}

export class Slots {
  #options: SlotsOptions
  #running = 0
  /** In order of arrival. Empty unless all slots are taken. */
  readonly #waiting = new Set<Waiter>()

  constructor(options: SlotsOptions) {
    this.#options = options
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

  /** Applies new options. Running and queued calls stay, even beyond a smaller maximum. */
  configure(options: SlotsOptions) {
    if (options === this.#options) return
    this.#options = options
    this.#grant()
  }

  /** Takes a slot if one is free; the caller must `release` it. */
  takeUnsafe(): boolean {
    if (this.#running >= this.#options.max) return false
    this.#running++
    return true
  }

  /** Releases a slot, which goes to the first waiter. */
  release() {
    this.#running--
    this.#grant()
  }

  /** Runs `self` in a slot, queued for at most `left()` milliseconds. `name` is the name of the call in `Busy`. */
  hold<A, E, R>(
    name: string,
    left: () => number,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Busy, R> {
    return Effect.suspend(() => {
      const waiter: Waiter = { granted: false, wake: () => {} }
      const enter = Effect.suspend(() => {
        if (this.takeUnsafe()) {
          waiter.granted = true
          return self
        }
        if (this.#waiting.size >= this.#options.queue) return Effect.fail(this.#busy(name))
        this.#waiting.add(waiter)
        return Effect.andThen(this.#turn(waiter, name, left()), self)
      })
      return Effect.onExitPrimitive(enter, () => {
        if (waiter.granted) this.release()
        else this.#waiting.delete(waiter)
        return undefined
      })
    })
  }

  #turn(waiter: Waiter, name: string, queueTimeout: number): Effect.Effect<void, Busy> {
    const turn = Effect.callback<void>((resume) => {
      // Yields, so that the next call does not run on the stack of the call that released the slot.
      waiter.wake = () => resume(Effect.yieldNow)
      // The slot may have been granted since the waiter entered the queue: the fiber may have yielded in between.
      if (waiter.granted) waiter.wake()
    })
    return Effect.timeoutOrElse(turn, {
      duration: Duration.millis(queueTimeout),
      orElse: () => (waiter.granted ? Effect.void : Effect.fail(this.#busy(name)))
    })
  }

  #grant() {
    for (const waiter of this.#waiting) {
      if (!this.takeUnsafe()) return
      this.#waiting.delete(waiter)
      waiter.granted = true
      waiter.wake()
    }
  }

  #busy(name: string) {
    const { limit, max, queueTimeout } = this.#options
    return new Busy({ limit, name, max, waiting: this.#waiting.size, retryAfter: queueTimeout })
  }
}

/** Slots by key, created on first use; idle ones beyond `max` keys are evicted. */
export class SlotsByKey {
  readonly #max: number
  readonly #slots = new Map<string, Slots>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#slots.size
  }

  get waiting(): number {
    let waiting = 0
    for (const slots of this.#slots.values()) waiting += slots.waiting
    return waiting
  }

  /** The slots of the key, with these options from now on. */
  of(key: string, options: SlotsOptions): Slots {
    const known = this.#slots.get(key)
    if (known !== undefined) {
      known.configure(options)
      return known
    }
    if (this.#slots.size >= this.#max) {
      for (const [other, slots] of this.#slots) if (slots.idle) this.#slots.delete(other)
    }
    const slots = new Slots(options)
    this.#slots.set(key, slots)
    return slots
  }
}
