/**
 * Notices that the wall clock was set, or that the machine has slept. Leases of other processes were written by the time before,
 * and say nothing until those processes have renewed them.
 */
import type { Clock } from "effect"
import { monotonicMillis } from "./monotonic.ts"

/** Smaller corrections end no lease. In milliseconds. */
const tolerance = 1000

export class ClockJumps {
  readonly #clock: Clock.Clock
  /** Wall time minus monotonic time. */
  #offset: number
  #jumpedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock.Clock) {
    this.#clock = clock
    this.#offset = clock.currentTimeMillisUnsafe() - monotonicMillis(clock)
  }

  /** Whether a jump was noticed within the last milliseconds, by this call at the latest. */
  within(milliseconds: number): boolean {
    const now = monotonicMillis(this.#clock)
    const offset = this.#clock.currentTimeMillisUnsafe() - now
    if (Math.abs(offset - this.#offset) > tolerance) this.#jumpedAt = now
    this.#offset = offset
    return now - this.#jumpedAt < milliseconds
  }
}
