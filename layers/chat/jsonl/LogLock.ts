/**
 * The lock of `events.jsonl`: one process writes at a time. It is kept until the present job of the event loop ends, so that
 * the writes of one job take it once.
 */
import { Effect, Random } from "effect"
import { describeSystemError } from "../../platform/describeFileError.ts"
import { fileLock } from "../../platform/FileLock.ts"
import { ChatStoreError } from "../ChatStore.ts"

/** Total time to wait for the lock, in ms. */
const maxWait = 10_000
/** A job that writes on and on gives the lock to others after so many ms. */
const maxHold = 1
/** Times between two attempts to take the lock, in ms. */
const [shortestPause, longestPause] = [1, 5]
/** One process waits for the lock itself, and the others for their turn to do so, which is not soon. Both for about 4 ms. */
const lockWait = { pauses: 50, pause: 10, meanwhileEvery: 6 }
const turnWait = { pauses: 8, pause: 450, meanwhileEvery: 1 }
/** A process that takes the lock again within so many ms waits behind others. */
const again = 2

export const unavailable = (what: string, cause: unknown) =>
  new ChatStoreError({
    reason: "unavailable",
    message: `Conversations cannot be ${what}: ${describeSystemError(cause)}.`
  })

const held = new ChatStoreError({
  reason: "unavailable",
  message: "Another process holds the lock of events.jsonl. Try again, or end that process."
})

interface Waiting {
  /** Time between two attempts to take the lock, in ms. */
  readonly pause: number
  readonly until: number
  /** Returns how to go on; undefined: the lock is not free. */
  readonly attempt: () => (() => void) | undefined
  readonly giveUp: () => void
}

export class LogLock {
  /** Those of this process that hold their lock, by path. */
  static readonly #holders = new Map<string, LogLock>()

  readonly #path: string
  readonly #lock: ReturnType<typeof fileLock>
  /** Held by the process that gets the lock next. */
  readonly #next: ReturnType<typeof fileLock>
  readonly #meanwhile: () => void
  readonly #released: () => void
  /** Of this process, in order of their calls. */
  readonly #waiting: Array<Waiting> = []
  #timer: ReturnType<typeof setTimeout> | undefined
  #isTaken = false
  #isUsed = false
  #takenAt = 0
  #releasedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #times = 0

  /** `meanwhile`: is run while another process holds the lock. `released`: is run after this one has released it. */
  constructor(path: string, meanwhile: () => void, released: () => void = () => {}) {
    this.#path = path
    this.#meanwhile = meanwhile
    this.#released = released
    this.#lock = fileLock(path)
    this.#next = fileLock(`${path}.next`)
  }

  /** Whether it runs under the lock. */
  get isUsed(): boolean {
    return this.#isUsed
  }

  /** How often the lock was taken; undefined: it is not held. While it is the same, no other process has written. */
  get held(): number | undefined {
    return this.#isTaken ? this.#times : undefined
  }

  /** Throws if the folder cannot be written. */
  probe() {
    this.#lock.probe()
  }

  /** Takes the lock until `leave`. False: another process holds it, or others of this process use it or wait for it. */
  enter(): boolean {
    if (this.#waiting.length > 0 || this.#isUsed) return false
    return (this.#isUsed = this.#isKept || this.#take())
  }

  leave() {
    this.#isUsed = false
  }

  /** Runs `use` under the lock. Undefined: another process holds it, or others of this process wait for it. */
  now<A>(use: () => A): { readonly value: A } | undefined {
    return this.#waiting.length > 0 ? undefined : this.#use(use)
  }

  /**
   * Runs `use` under the lock as soon as it is free. All that wait in this process run in order of their calls, as many as
   * possible each time that the lock is taken. `use` may throw.
   */
  run<A>(what: string, use: () => A): Effect.Effect<A, ChatStoreError> {
    return Effect.flatMap(Random.nextBetween(shortestPause, longestPause), (pause) =>
      Effect.callback<A, ChatStoreError>((resume) => {
        const waiting: Waiting = {
          pause,
          until: performance.now() + maxWait,
          attempt: () => {
            try {
              const done = this.#use(use)
              return done === undefined ? undefined : () => resume(Effect.succeed(done.value))
            } catch (cause) {
              const error = cause instanceof ChatStoreError ? cause : unavailable(what, cause)
              return () => resume(Effect.fail(error))
            }
          },
          giveUp: () => resume(Effect.fail(held))
        }
        this.#waiting.push(waiting)
        this.#runWaiting()
        return Effect.sync(() => this.#forget(waiting))
      })
    )
  }

  #runWaiting() {
    clearTimeout(this.#timer)
    const done: Array<() => void> = []
    for (const next of this.#waiting) {
      const resume = next.attempt()
      if (resume === undefined) break
      done.push(resume)
    }
    this.#waiting.splice(0, done.length)
    const now = performance.now()
    while (this.#waiting[0] !== undefined && this.#waiting[0].until <= now) {
      done.push(this.#waiting[0].giveUp)
      this.#waiting.shift()
    }
    const [first] = this.#waiting
    // Not an Effect: one timer for all that wait, whose fibers may end while others still wait.
    if (first !== undefined) this.#timer = setTimeout(() => this.#runWaiting(), first.pause)
    for (const resume of done) resume()
  }

  #forget(waiting: Waiting) {
    const at = this.#waiting.indexOf(waiting)
    if (at >= 0) this.#waiting.splice(at, 1)
  }

  #use<A>(use: () => A): { readonly value: A } | undefined {
    if (this.#isUsed || !this.#take()) return undefined
    this.#isUsed = true
    try {
      return { value: use() }
    } finally {
      this.#isUsed = false
    }
  }

  get #isKept(): boolean {
    return this.#isTaken && performance.now() - this.#takenAt < maxHold
  }

  #take(): boolean {
    if (this.#isKept) return true
    this.#release()
    const now = performance.now()
    if (now - this.#failedAt < shortestPause) return false
    const holder = LogLock.#holders.get(this.#path)
    if (holder?.isUsed === false) holder.#release()
    const isTaken = (now - this.#releasedAt > again && this.#lock.tryLock()) || this.#takeInTurn()
    if (!isTaken) {
      this.#failedAt = performance.now()
      return false
    }
    this.#isTaken = true
    this.#takenAt = performance.now()
    LogLock.#holders.set(this.#path, this)
    const times = ++this.#times
    queueMicrotask(() => {
      if (times === this.#times) this.#release()
    })
    return true
  }

  #takeInTurn(): boolean {
    const meanwhile = this.#meanwhile
    if (!this.#next.tryLock({ ...turnWait, meanwhile })) return false
    try {
      return this.#lock.tryLock({ ...lockWait, meanwhile })
    } finally {
      this.#next.unlock()
    }
  }

  #release() {
    if (!this.#isTaken) return
    this.#isTaken = false
    LogLock.#holders.delete(this.#path)
    this.#releasedAt = performance.now()
    this.#lock.unlock()
    this.#released()
  }

  close() {
    for (const waiting of this.#waiting.splice(0)) waiting.giveUp()
    clearTimeout(this.#timer)
    this.#release()
    this.#lock.close()
    this.#next.close()
  }
}
