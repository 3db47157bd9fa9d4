/** Background writer of log batches to one output: logging never blocks or fails because of it. */
import { Deferred, Duration, Effect, Fiber, Latch } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Batch } from "./LogBatch.ts"

/** Maximum queued bytes. Beyond it new lines are dropped and counted. */
const mostWaiting = 4 * 1024 * 1024
/** Initial buffer in bytes. It doubles on demand, and is not reused beyond `mostReused`. */
const leastBuffer = 16 * 1024
const mostReused = 1024 * 1024
/** Pause between writes: a write costs the main thread 50 to 100 µs regardless of its size. */
const pause = Duration.millis(50)
/** Pause after a failure. */
const retry = Duration.seconds(5)
/** Time-out for the last write when the scope closes. */
const grace = Duration.seconds(1)

export interface Events {
  /** The first failure after a success. */
  readonly failed: (error: PlatformError) => void
  /** Number of dropped lines, reported after the next successful write. */
  readonly lost: (lines: number) => void
}

export interface Writer {
  /** Queues a copy of the lines. */
  readonly push: (batch: Batch) => void
  /** Schedules a write; `collect` is called before it. */
  readonly wake: () => void
}

/** Lives with the scope; at its end the queue is written, within a second. */
export const make = Effect.fnUntraced(function* (
  write: (bytes: Uint8Array) => Effect.Effect<void, PlatformError>,
  events: Events,
  collect: () => void = () => {}
) {
  let queue = new Uint8Array()
  let spare = queue
  let size = 0
  let lines = 0
  let lost = 0
  let awake = false
  let failing = false
  const some = Latch.makeUnsafe(false)
  const closing = yield* Deferred.make<void>()

  const writeAll = Effect.gen(function* () {
    const written = queue
    const bytes = written.subarray(0, size)
    const count = lines
    queue = spare
    size = lines = 0
    const result = yield* Effect.result(write(bytes))
    spare = written.length > mostReused ? new Uint8Array() : written
    if (result._tag === "Failure") {
      lost += count
      if (!failing) {
        failing = true
        events.failed(result.failure)
      }
      return
    }
    failing = false
    if (lost === 0) return
    const dropped = lost
    lost = 0
    events.lost(dropped)
  })

  const pump = Effect.gen(function* () {
    for (;;) {
      yield* some.await
      collect()
      some.closeUnsafe()
      awake = false
      if (lines > 0) yield* writeAll
      if (yield* Deferred.isDone(closing)) {
        if (lines === 0 || failing) return
        some.openUnsafe()
        continue
      }
      yield* Effect.timeoutOption(Deferred.await(closing), failing ? retry : pause)
    }
  })

  const stop = Effect.fnUntraced(function* (pumping: Fiber.Fiber<void>) {
    yield* Deferred.succeed(closing, undefined)
    yield* some.open
    // In a separate fiber: the fiber that ends the program is interrupted and cannot wait.
    const waiter = Effect.timeoutOption(Fiber.await(pumping), grace)
    yield* Fiber.await(yield* Effect.forkDetach(Effect.interruptible(waiter)))
    yield* Fiber.interrupt(pumping)
  })
  yield* Effect.acquireRelease(Effect.forkDetach(Effect.interruptible(pump)), stop)

  const wake = () => {
    if (awake) return
    awake = true
    some.openUnsafe()
  }

  const push = (batch: Batch) => {
    if (size > mostWaiting) {
      lost += batch.lines
      return
    }
    const { bytes, end, start } = batch
    const needed = size + end - start
    if (needed > queue.length) {
      const larger = new Uint8Array(Math.max(leastBuffer, 2 * queue.length, needed))
      larger.set(queue.subarray(0, size))
      queue = larger
    }
    queue.set(bytes.subarray(start, end), size)
    size = needed
    lines += batch.lines
    wake()
  }
  return { push, wake } satisfies Writer
})
