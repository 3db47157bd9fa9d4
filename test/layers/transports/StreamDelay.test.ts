/** Delay of streams: each member is due once, not before its delay, unless it is removed. */
import { expect, test } from "bun:test"
import { type Delayed, StreamDelay } from "../../../layers/transports/StreamDelay.ts"

/** Resolves to the milliseconds after which it was due. */
const delayed = () => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const started = performance.now()
  const one: Delayed = { place: -1, dueAt: 0, due: () => resolve(performance.now() - started) }
  return { one, promise }
}

test("members are due after the delay, also those that are added while others wait", async () => {
  const delay = new StreamDelay(20)
  const first = delayed()
  delay.add(first.one)
  const half = delayed()
  new StreamDelay(10).add(half.one)
  await half.promise
  const second = delayed()
  delay.add(second.one)
  expect(await first.promise).toBeGreaterThanOrEqual(19.9)
  expect(await second.promise).toBeGreaterThanOrEqual(19.9)
})

test("a removed member is never due, and one that is due may add others", async () => {
  const delay = new StreamDelay(5)
  const removed: Delayed = {
    place: -1,
    dueAt: 0,
    due: () => {
      throw new Error("a removed member is due")
    }
  }
  delay.add(removed)
  delay.remove(removed)
  delay.remove(removed)
  const later = delayed()
  const first: Delayed = { place: -1, dueAt: 0, due: () => delay.add(later.one) }
  delay.add(first)
  expect(await later.promise).toBeGreaterThanOrEqual(5)
  expect(first.place).toBe(-1)
})
