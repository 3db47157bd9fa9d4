/** Writes batches of lines to one output in the background: logging never waits for it, and never fails because of it. */
import { Deferred, Duration, Effect, Fiber, Latch } from "effect"
import type { PlatformError } from "effect/PlatformError"
import type { Batch } from "./Batch.ts"

/** Bytes in the queue. When there are more, new lines are dropped and counted. */
const mostWaiting = 4 * 1024 * 1024
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
  /** Queues lines. Their bytes are not copied and must not change. */
  readonly push: (batch: Batch) => void
  /** Announces that `collect` has lines: it is called before the next write. */
  readonly wake: () => void
}

/** Batches that follow each other in one buffer are one run, and a single run is written without a copy. */
interface Run {
  readonly bytes: Uint8Array
  readonly start: number
  end: number
}

const concat = (runs: ReadonlyArray<Run>, size: number): Uint8Array => {
  const [first] = runs
  if (first !== undefined && runs.length === 1) return first.bytes.subarray(first.start, first.end)
  const whole = new Uint8Array(size)
  let at = 0
  for (const { bytes, end, start } of runs) {
    whole.set(bytes.subarray(start, end), at)
    at += end - start
  }
  return whole
}

/** A writer for as long as the scope is open; when it closes, the queue is written, for a second at most. */
export const make = Effect.fnUntraced(function* (
  write: (bytes: Uint8Array) => Effect.Effect<void, PlatformError>,
  events: Events,
  collect: () => void = () => {}
) {
  let waiting: Array<Run> = []
  let size = 0
  let lines = 0
  let lost = 0
  let awake = false
  let failing = false
  const some = Latch.makeUnsafe(false)
  const closing = yield* Deferred.make<void>()

  const writeAll = Effect.gen(function* () {
    const bytes = concat(waiting, size)
    const count = lines
    waiting = []
    size = lines = 0
    const result = yield* Effect.result(write(bytes))
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
    const last = waiting.at(-1)
    if (last?.bytes === bytes && last.end === start) last.end = end
    else waiting.push({ bytes, start, end })
    size += end - start
    lines += batch.lines
    wake()
  }
  return { push, wake } satisfies Writer
})
