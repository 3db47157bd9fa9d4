/** Writes lines in batches beside the program: whoever logs a line neither waits for it nor hears of its failure. */
import { Deferred, Duration, Effect, Fiber, Latch } from "effect"
import type { PlatformError } from "effect/PlatformError"

/** Characters that wait to be written; what comes when there are more is dropped and counted. */
const mostWaiting = 4 * 1024 * 1024
/** A line waits at most this long for others, so that a busy program writes fifty times a second. */
const pause = Duration.millis(20)
/** After a failure. */
const retry = Duration.seconds(5)
/** How long the end of the program waits for what was not written yet. */
const grace = Duration.seconds(1)

export interface Events {
  /** The first failure after a success; until the next one, nothing more is said. */
  readonly failed: (error: PlatformError) => void
  /** Lines that were not written, told when writing works (again). */
  readonly lost: (lines: number) => void
}

export interface Writer {
  /** One line, without its end. */
  readonly push: (line: string) => void
}

/** A writer for as long as the scope is open; its end writes what waits, for a second at most. */
export const make = Effect.fnUntraced(function* (
  write: (text: string) => Effect.Effect<void, PlatformError>,
  events: Events
) {
  let waiting: Array<string> = []
  let size = 0
  let lost = 0
  let failing = false
  const some = Latch.makeUnsafe(false)
  const closing = yield* Deferred.make<void>()

  const writeAll = Effect.gen(function* () {
    const lines = waiting
    waiting = []
    size = 0
    const result = yield* Effect.result(write(`${lines.join("\n")}\n`))
    if (result._tag === "Failure") {
      lost += lines.length
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
      some.closeUnsafe()
      if (waiting.length > 0) yield* writeAll
      if (yield* Deferred.isDone(closing)) {
        if (waiting.length === 0 || failing) return
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

  const push = (line: string) => {
    if (size > mostWaiting) {
      lost++
      return
    }
    size += line.length + 1
    if (waiting.push(line) === 1) some.openUnsafe()
  }
  return { push } satisfies Writer
})
