/** Back-pressure for slow readers: buffered bytes are limited per connection, per principal and in time. */
import { describe, expect, test } from "bun:test"
import { Hold, Quota } from "../../../layers/quotas/Quota.ts"
import { Backlog } from "../../../layers/transports/Backlog.ts"
import { EventStream } from "../../../layers/transports/EventStream.ts"
import { closable } from "../../../layers/transports/closableResponse.ts"

const make = (quota = new Quota({ principal: 1000, total: 1000 })) => {
  const clock = { now: 0 }
  const options = { mostWaiting: 500, unreadTimeout: 100, now: () => clock.now }
  return { clock, quota, backlog: new Backlog(options, new Hold(quota, "alice")) }
}

describe("a backlog", () => {
  test("is charged to the quota while it is buffered", () => {
    const { backlog, quota } = make()
    expect(backlog.update(300)).toBe(true)
    expect(quota.usedBy("alice")).toBe(300)
    expect(backlog.update(0)).toBe(true)
    expect(quota.used).toBe(0)
  })

  test("is limited per connection", () => {
    const { backlog } = make()
    expect([backlog.update(500), backlog.update(501), backlog.denied]).toEqual([true, false, false])
  })

  test("is limited by the quota of all connections of the principal", () => {
    const quota = new Quota({ principal: 600, total: 1000 })
    expect(make(quota).backlog.update(400)).toBe(true)
    const { backlog } = make(quota)
    expect([backlog.update(300), backlog.denied]).toEqual([false, true])
  })

  test("has no time-out while the reader makes progress", () => {
    const { backlog, clock } = make()
    backlog.update(400)
    for (let each = 0; each < 10; each++) {
      clock.now += 90
      expect(backlog.update(390 - each)).toBe(true)
    }
    clock.now += 101
    expect(backlog.update(390)).toBe(false)
  })

  test("restarts its time-out after it was empty", () => {
    const { backlog, clock } = make()
    backlog.update(400)
    clock.now += 90
    backlog.update(0)
    clock.now += 90
    expect(backlog.update(400)).toBe(true)
  })
})

test("an event stream that is never read is ended and releases its quota", async () => {
  const { backlog, quota } = make()
  let gone = 0
  const stream = new EventStream(backlog, () => gone++)
  for (let each = 0; each < 100; each++) stream.event("x".repeat(100))
  expect([stream.open, gone, quota.used]).toEqual([false, 1, 0])
  expect(stream.body.getReader().read()).rejects.toThrow("too slow")
})

test("an endless response is read from its source no faster than its reader reads it", async () => {
  const { backlog, quota } = make()
  let cancelled = false
  const source = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new Uint8Array(100)),
    cancel: () => {
      cancelled = true
    }
  })
  const ended = Promise.withResolvers<void>()
  const response = closable(new Response(source), backlog, () => ended.resolve)
  // A reader that starts after the stream was ended.
  await ended.promise
  expect([cancelled, quota.used]).toEqual([true, 0])
  expect(response.text()).rejects.toThrow()
})
