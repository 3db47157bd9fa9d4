/** Writes batches of lines to one output in the background: logging never waits for it, and never fails because of it. */
import { Deferred, Duration, Effect, Fiber, Latch } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Batch } from "./LogBatch.ts"

/** Bytes in the queue. When there are more, new lines are dropped and counted. */
const mostWaiting = 4 * 1024 * 1024
/** Bytes of a queue's buffer at first. It doubles on demand, and is not reused when it has grown beyond `mostReused`. */
const leastBuffer = 16 * 1024
const mostReused = 1024 * 1024
/** Between two writes: one costs the main thread 50 to 100 µs whatever its size, so that many lines share it. */
const pause = Duration.millis(50)
/** After a failure. */
const retry = Duration.seconds(5)
/** How long the end of the scope waits for the last write. */
const grace = Duration.seconds(1)

export interface Events {
  /** The first failure after a success; until the next one, nothing more is said. */
  readonly failed: (error: PlatformError) => void
  /** How many lines were dropped, reported after the next write that succeeds. */
  readonly lost: (lines: number) => void
}

export interface Writer {
  /** Queues a copy of the lines. */
  readonly push: (batch: Batch) => void
  /** Announces that `collect` has lines: it is called before the next write. */
  readonly wake: () => void
}

/** A writer for as long as the scope is open; when it closes, the queue is written, for a second at most. */
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
    const told = lost
    lost = 0
    events.lost(told)
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
    // In a fiber of its own: the one that ends the program was interrupted, and could not wait.
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
