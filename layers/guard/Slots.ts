/** Concurrency limits: how many calls may run at once, and a bounded queue in the order of arrival. */
import { Duration, Effect } from "effect"
import { Busy } from "./GuardError.ts"

export interface SlotsOptions {
  /** The limit's name, for messages. */
  readonly limit: string
  readonly max: number
  /** How many may wait. */
  readonly queue: number
  /** How long each may wait, in milliseconds. */
  readonly queueTimeout: number
}

/** One that wants a slot. */
interface Place {
  granted: boolean
  wake: () => void
}

export class Slots {
  #options: SlotsOptions
  #running = 0
  /** In the order in which they came. Whenever there are any, all slots are taken. */
  readonly #waiting = new Set<Place>()

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

  /** From now on. Who runs or waits stays, also beyond a smaller maximum. */
  configure(options: SlotsOptions) {
    if (options === this.#options) return
    this.#options = options
    this.#grant()
  }

  /** Takes a slot if one is free; it must be given back by `release`. */
  takeUnsafe(): boolean {
    if (this.#running >= this.#options.max) return false
    this.#running++
    return true
  }

  /** Gives a slot back: to the one who waited longest. */
  release() {
    this.#running--
    this.#grant()
  }

  /** Runs `self` in a slot, and waits for one at most `left()` milliseconds. `name` is what `Busy` says of the call. */
  hold<A, E, R>(
    name: string,
    left: () => number,
    self: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E | Busy, R> {
    return Effect.suspend(() => {
      const place: Place = { granted: false, wake: () => {} }
      const enter = Effect.suspend(() => {
        if (this.takeUnsafe()) {
          place.granted = true
          return self
        }
        if (this.#waiting.size >= this.#options.queue) return Effect.fail(this.#busy(name))
        this.#waiting.add(place)
        return Effect.andThen(this.#turn(place, name, left()), self)
      })
      return Effect.onExitPrimitive(enter, () => {
        if (place.granted) this.release()
        else this.#waiting.delete(place)
        return undefined
      })
    })
  }

  #turn(place: Place, name: string, queueTimeout: number): Effect.Effect<void, Busy> {
    const turn = Effect.callback<void>((resume) => {
      // Yields, so that the call that releases the slot does not run the next one inside of itself.
      place.wake = () => resume(Effect.yieldNow)
      // The fiber may have yielded since it entered the queue, and the slot was granted meanwhile.
      if (place.granted) place.wake()
    })
    return Effect.timeoutOrElse(turn, {
      duration: Duration.millis(queueTimeout),
      orElse: () => (place.granted ? Effect.void : Effect.fail(this.#busy(name)))
    })
  }

  #grant() {
    for (const place of this.#waiting) {
      if (!this.takeUnsafe()) return
      this.#waiting.delete(place)
      place.granted = true
      place.wake()
    }
  }

  #busy(name: string) {
    const { limit, max, queueTimeout } = this.#options
    return new Busy({ limit, name, max, waiting: this.#waiting.size, retryAfter: queueTimeout })
  }
}

/** Slots by key, made when first asked for; idle ones beyond `most` are forgotten. */
export class SlotsByKey {
  readonly #most: number
  readonly #slots = new Map<string, Slots>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#slots.size
  }

  get waiting(): number {
    let waiting = 0
    for (const slots of this.#slots.values()) waiting += slots.waiting
    return waiting
  }

  /** Those of the key, which have these options from now on. */
  of(key: string, options: SlotsOptions): Slots {
    const known = this.#slots.get(key)
    if (known !== undefined) {
      known.configure(options)
      return known
    }
    if (this.#slots.size >= this.#most) {
      for (const [other, slots] of this.#slots) if (slots.idle) this.#slots.delete(other)
    }
    const slots = new Slots(options)
    this.#slots.set(key, slots)
    return slots
  }
}
