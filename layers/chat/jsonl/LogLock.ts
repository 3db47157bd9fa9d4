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

export class LogLock {
  /** Those of this process that hold their lock, by path. */
  static readonly #holders = new Map<string, LogLock>()

  readonly #path: string
  readonly #lock: ReturnType<typeof fileLock>
  /** Held by the process that gets the lock next. */
  readonly #next: ReturnType<typeof fileLock>
  readonly #meanwhile: () => void
  #isTaken = false
  #isUsed = false
  #takenAt = 0
  #releasedAt = Number.NEGATIVE_INFINITY
  #times = 0

  /** `meanwhile`: is run while another process holds the lock. */
  constructor(path: string, meanwhile: () => void) {
    this.#path = path
    this.#meanwhile = meanwhile
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

  /** Runs `use` under the lock. Undefined: another process holds it. */
  now<A>(use: () => A): { readonly value: A } | undefined {
    if (this.#isUsed || !this.#take()) return undefined
    this.#isUsed = true
    try {
      return { value: use() }
    } finally {
      this.#isUsed = false
    }
  }

  /** Runs `use` under the lock as soon as it is free. `use` may throw. */
  run<A>(what: string, use: () => A): Effect.Effect<A, ChatStoreError> {
    let waited = 0
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() => {
      try {
        const done = this.now(use)
        if (done !== undefined) return Effect.succeed(done.value)
      } catch (cause) {
        return Effect.fail(cause instanceof ChatStoreError ? cause : unavailable(what, cause))
      }
      if (waited >= maxWait) return Effect.fail(held)
      return Effect.flatMap(Random.nextIntBetween(1, 5), (delay) => {
        waited += delay
        return Effect.andThen(Effect.sleep(delay), once)
      })
    })
    return once
  }

  #take(): boolean {
    const now = performance.now()
    if (this.#isTaken) {
      if (now - this.#takenAt < maxHold) return true
      this.#release()
    }
    const holder = LogLock.#holders.get(this.#path)
    if (holder?.isUsed === false) holder.#release()
    const isTaken = (now - this.#releasedAt > again && this.#lock.tryLock()) || this.#takeInTurn()
    if (!isTaken) return false
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
    if (!this.#next.tryLock(this.#meanwhile)) return false
    try {
      return this.#lock.tryLock(this.#meanwhile)
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
  }

  close() {
    this.#release()
    this.#lock.close()
    this.#next.close()
  }
}
