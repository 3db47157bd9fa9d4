/** Rate limits that worker processes count together. */
import { expect } from "bun:test"
import { join } from "node:path"
import { Effect } from "effect"
import * as fc from "fast-check"
import * as fixedWindows from "../../../layers/guard/fixedWindows.ts"
import * as sharedFixedWindows from "../../../layers/guard/sharedFixedWindows.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const memoryFile = Effect.gen(function* () {
  const file = join(yield* stateFolder, "limits")
  yield* Effect.promise(() => Bun.write(file, new Uint8Array(sharedFixedWindows.bytes)))
  return file
})

const calls = fc.array(
  fc.record({
    after: fc.nat(400),
    keys: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 3 }),
    max: fc.integer({ min: 0, max: 5 }),
    process: fc.nat(1)
  }),
  { maxLength: 100 }
)

it.live("two processes count as one does, for any sequence of calls", () =>
  Effect.gen(function* () {
    const file = yield* memoryFile
    let run = 0
    fc.assert(
      fc.property(calls, (sequence) => {
        run++
        const local = fixedWindows.make(100)
        const shared = [sharedFixedWindows.make(file, run), sharedFixedWindows.make(file, run)] as const
        let now = 1000
        for (const { after, keys, max, process: each } of sequence) {
          now += after
          const limits = keys.map((key) => ({ name: "", key: `${run}:${key}`, max, window: 1000 }))
          expect(shared[each]?.take(limits, now)).toEqual(local.take(limits, now))
        }
      })
    )
  })
)

it.live("the limit passes once among processes that count at the same time", () =>
  Effect.gen(function* () {
    const file = yield* memoryFile
    const script = join(import.meta.dir, "sharedWindowsProcess.ts")
    const passed = yield* Effect.promise(() =>
      Promise.all(
        Array.from({ length: 4 }, async () => {
          const child = Bun.spawn([process.execPath, script, file, "50000", "20000"], { stdout: "pipe" })
          return Number(await child.stdout.text())
        })
      )
    )
    const all = passed.reduce((sum, each) => sum + each, 0)
    // A suspended process whose lock was taken over may miss a few.
    expect(all).toBeGreaterThanOrEqual(19_900)
    expect(all).toBeLessThanOrEqual(20_100)
  })
)

it.live("more keys than fit replace those whose window ends first", () =>
  Effect.gen(function* () {
    const { take } = sharedFixedWindows.make(yield* memoryFile, 3)
    const of = (key: string, window: number) => [{ name: "", key, max: 2, window }]
    for (let key = 0; key < 200_000; key++) take(of(`guest:${key}`, 1000), 0)
    expect(take(of("alice", 60_000), 0)).toBe(1)
    expect(take(of("alice", 60_000), 0)).toBe(0)
    for (let key = 0; key < 200_000; key++) take(of(`visitor:${key}`, 1000), 0)
    expect(take(of("alice", 60_000), 0)).toMatchObject({ retryAfter: 60_000 })
  })
)

it.live("the lock of a process that was killed is taken over", () =>
  Effect.gen(function* () {
    const file = yield* memoryFile
    const held = new Int32Array(Bun.mmap(file).buffer)
    Atomics.store(held, 0, 1)
    const { take } = sharedFixedWindows.make(file, 1)
    expect(take([{ name: "", key: "a", max: 2, window: 1000 }], 0)).toBe(1)
    expect(Atomics.load(held, 0)).toBe(0)
  })
)
