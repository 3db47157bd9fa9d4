/** The lock of `events.jsonl`: one process writes at a time. */
import { Effect, Random } from "effect"
import { describeSystemError } from "../../platform/describeFileError.ts"
import { fileLock } from "../../platform/FileLock.ts"
import { ChatStoreError } from "../ChatStore.ts"

/** Total time to wait for the lock, in ms. */
const maxWait = 10_000

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
  readonly #lock: ReturnType<typeof fileLock>
  #isHeld = false

  constructor(path: string) {
    this.#lock = fileLock(path)
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /** Throws if the folder cannot be written. */
  probe() {
    this.#lock.probe()
  }

  /** Runs `use` under the lock, which is never held while this process does anything else. `use` may throw. */
  run<A>(what: string, use: () => A): Effect.Effect<A, ChatStoreError> {
    let waited = 0
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() => {
      try {
        if (this.#take()) {
          try {
            return Effect.succeed(use())
          } finally {
            this.#isHeld = false
            this.#lock.unlock()
          }
        }
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
    return !this.#isHeld && (this.#isHeld = this.#lock.tryLock(true))
  }

  close() {
    this.#lock.close()
  }
}
