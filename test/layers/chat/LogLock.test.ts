/** The lock of `events.jsonl` within one process. */
import { expect } from "bun:test"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { LogLock } from "../../../layers/chat/jsonl/LogLock.ts"
import { fileLock } from "../../../layers/platform/FileLock.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const fixture = Effect.gen(function* () {
  const path = join(yield* stateFolder, "events.lock")
  const lock = yield* Effect.acquireRelease(
    Effect.sync(
      () =>
        new LogLock(
          path,
          () => undefined,
          () => undefined
        )
    ),
    (made) => Effect.sync(() => made.close())
  )
  const other = yield* Effect.acquireRelease(
    Effect.sync(() => fileLock(path)),
    (made) => Effect.sync(() => made.close())
  )
  expect(other.tryLock()).toBe(true)
  return { lock, other }
})

it.live("runs what waited for another process in order, and takes the lock once for several of it", () =>
  Effect.gen(function* () {
    const { lock, other } = yield* fixture
    const order: Array<number> = []
    const times = new Set<number | undefined>()
    const fibers = yield* Effect.forEach(Array.from({ length: 100 }).keys(), (number) =>
      Effect.forkChild(
        lock.run("written", () => {
          order.push(number)
          times.add(lock.held)
          return number
        }),
        { startImmediately: true }
      )
    )
    expect(lock.now(() => "too early")).toBeUndefined()
    expect(order).toEqual([])
    other.unlock()
    const results = yield* Effect.forEach(fibers, (fiber) => Fiber.join(fiber))
    expect(order).toEqual([...Array.from({ length: 100 }).keys()])
    expect(results).toEqual(order)
    expect(times.size).toBeLessThan(50)
    expect(lock.now(() => "free")).toEqual({ value: "free" })
  })
)

it.live("fails what throws, and runs nothing of those that were interrupted or closed", () =>
  Effect.gen(function* () {
    const { lock, other } = yield* fixture
    const ran: Array<string> = []
    const start = (name: string, run: () => void) =>
      Effect.forkChild(
        lock.run("written", () => {
          ran.push(name)
          run()
        }),
        { startImmediately: true }
      )
    const failing = yield* start("failing", () => {
      throw new Error("disk full")
    })
    const interrupted = yield* start("interrupted", () => undefined)
    const last = yield* start("last", () => undefined)
    yield* Fiber.interrupt(interrupted)
    other.unlock()
    yield* Fiber.join(last)
    expect(yield* Effect.flip(Fiber.join(failing))).toMatchObject({ reason: "unavailable" })
    expect(ran).toEqual(["failing", "last"])
    // The lock is kept until the job of the event loop ends.
    yield* Effect.promise(() => Promise.resolve())
    expect(other.tryLock()).toBe(true)
    const closed = yield* start("closed", () => undefined)
    lock.close()
    expect(yield* Effect.flip(Fiber.join(closed))).toMatchObject({ reason: "unavailable" })
    expect(ran).toEqual(["failing", "last"])
  })
)
