/** The in-memory event store: replay, and bounds on what it retains. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { MemoryEventStore, type EventStoreLimits } from "../../../layers/transports/EventStore.ts"

const store = (limits: EventStoreLimits) => {
  const events = new MemoryEventStore(limits)
  return {
    mark: (stream: number) => Effect.runSync(events.mark(stream)),
    append: (stream: number, data: string) => Effect.runSync(events.append(stream, data)),
    after: (id: string) => Effect.runSync(events.after(id))
  }
}

const bounds = { events: 4, size: 100 }

test("replays the events of one stream after an id", () => {
  const log = store({ events: 10, size: 1000 })
  const start = log.mark(1)
  const first = log.append(1, "a")
  log.append(2, "other")
  log.append(1, "b")
  expect(log.after(start)?.events.map(({ data }) => data)).toEqual(["a", "b"])
  expect(log.after(first)?.events.map(({ data }) => data)).toEqual(["b"])
  expect(log.after(first)?.stream).toBe(1)
})

test("rejects ids that it never issued, and ids whose successors were dropped", () => {
  const log = store(bounds)
  const old = log.mark(1)
  for (const data of ["a", "b", "c", "d", "e"]) log.append(1, data)
  expect(log.after(old)).toBeUndefined()
  for (const id of ["", "1", "1_", "1_999", "x_1", "1_1_1", `1_${"9".repeat(40)}`, "__proto__"]) {
    expect(log.after(id)).toBeUndefined()
  }
})

test("never loses an event without an error, within any bounds", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ stream: fc.integer({ min: 0, max: 3 }), data: fc.string({ maxLength: 30 }) }), {
        maxLength: 40
      }),
      fc.nat(40),
      (events, from) => {
        const log = store(bounds)
        const ids = events.map(({ data, stream }) => log.append(stream, data))
        const id = ids[from]
        const start = events[from]
        if (id === undefined || start === undefined) return
        const missed = log.after(id)
        if (missed === undefined) return
        const expected = events.slice(from + 1).filter(({ stream }) => stream === start.stream)
        expect(missed.events.map(({ data }) => data)).toEqual(expected.map(({ data }) => data))
      }
    )
  )
})
