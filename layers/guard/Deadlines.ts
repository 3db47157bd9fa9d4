/** Deadlines of calls, with one timer for all on one clock: a timer for each call is a fiber that is started and interrupted. */
import { type Clock, Duration, Effect, Exit, type Fiber } from "effect"
import { type Member, MemberList } from "../../src/domain/MemberList.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

export class Deadline implements Member {
  place = -1
  /** In milliseconds of the clock's monotonic time. May be moved to a later time at any moment. */
  at: number
  readonly expired: () => void

  constructor(at: number, expired: () => void) {
    this.at = at
    this.expired = expired
  }
}

export class Deadlines {
  readonly #clock: Clock.Clock
  readonly #watched = new MemberList<Deadline>()
  #timer: Fiber.Fiber<void> | undefined
  /** When the timer ends: not after the first deadline. */
  #timerAt = Infinity

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Calls `expired` once, at the deadline, unless it is removed before. */
  add(deadline: Deadline) {
    if (deadline.place !== -1) return
    this.#watched.add(deadline)
    if (deadline.at < this.#timerAt) this.#arm(deadline.at)
  }

  remove(deadline: Deadline) {
    if (deadline.place === -1) return
    this.#watched.remove(deadline)
    // A timer would keep the process alive.
    if (this.#watched.size === 0) this.#disarm()
  }

  #disarm() {
    this.#timerAt = Infinity
    this.#timer?.interruptUnsafe()
    this.#timer = undefined
  }

  #arm(at: number) {
    this.#disarm()
    this.#timerAt = at
    const left = Math.max(0, Math.ceil(at - monotonicMillis(this.#clock)))
    const timer = Effect.runFork(this.#clock.sleep(Duration.millis(left)))
    this.#timer = timer
    timer.addObserver((exit) => {
      if (Exit.isSuccess(exit)) this.#expire()
    })
  }

  #expire() {
    this.#disarm()
    const now = monotonicMillis(this.#clock)
    const due: Array<Deadline> = []
    let next = Infinity
    for (const each of this.#watched.all()) {
      if (each.at <= now) due.push(each)
      else next = Math.min(next, each.at)
    }
    for (const each of due) this.remove(each)
    for (const each of due) each.expired()
    if (this.#watched.size > 0 && next < this.#timerAt) this.#arm(next)
  }
}

const byClock = new WeakMap<Clock.Clock, Deadlines>()

export const deadlinesOf = (clock: Clock.Clock): Deadlines => {
  let deadlines = byClock.get(clock)
  if (deadlines === undefined) byClock.set(clock, (deadlines = new Deadlines(clock)))
  return deadlines
}
