/** Progress events of a call: fields, monotonic values, rate limit, and the last event. */
import { describe, expect } from "bun:test"
import { Deferred, Effect, Fiber, Layer, Record, Schema } from "effect"
import { TestClock } from "effect/testing"
import fc from "fast-check"
import { Progress, type Reporter } from "../../../layers/progress/Progress.ts"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"

const rate = { interval: 100, burst: 5 }
const layer = ProgressEvents.layerWith(rate).pipe(Layer.provide(Ids.layerTest))
const subject = { name: "tool", requestId: "request", correlationId: "correlation", principal: stdioUser }
const id = (n: number) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`

class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {}

/** A call and all of its events. */
const called = Effect.map(ProgressEvents, ({ track }) => {
  const events: Array<ProgressEvent> = []
  const tracker = track(subject, (event) => events.push(event))
  return { tracker, progress: tracker.progress, events }
})

const told = (events: ReadonlyArray<ProgressEvent>) =>
  events.map(({ event_type, progress_percent, step }) => [
    event_type.replace("progress_", ""),
    step,
    progress_percent
  ])
const percents = (events: ReadonlyArray<ProgressEvent>) => events.map((event) => event.progress_percent)

describe("events", () => {
  it.effect("an event has exactly the fields of the contract", () =>
    Effect.gen(function* () {
      const { events, progress, tracker } = yield* called
      yield* progress.report({ progress: 1, total: 4, message: "half of it", details: { url: "http://a/" } })
      yield* TestClock.adjust("1 second")
      const { step } = progress.steps(["rest"])
      yield* step("rest", TestClock.adjust("250 millis"))
      tracker.end("succeeded")
      expect(events[0]).toEqual({
        event_type: "progress_started",
        tool: "tool",
        request_id: "request",
        step: null,
        progress_percent: 25,
        eta_ms: null,
        elapsed_ms: 0,
        details: {
          progress_id: id(1),
          parent_id: null,
          progress: 1,
          total: 4,
          message: "half of it",
          url: "http://a/"
        },
        correlation_id: "correlation"
      })
      expect(events[1]).toMatchObject({
        event_type: "progress_update",
        step: "rest",
        elapsed_ms: 1000,
        details: { progress_id: id(2), parent_id: id(1) }
      })
      expect(events.at(-1)).toEqual({
        event_type: "progress_completed",
        tool: "tool",
        request_id: "request",
        step: "rest",
        progress_percent: 100,
        eta_ms: 0,
        elapsed_ms: 1250,
        details: { progress_id: id(1), parent_id: null },
        correlation_id: "correlation"
      })
    }).pipe(Effect.provide(layer))
  )

  it.effect("details of a handler do not overwrite the fields of an event", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      yield* progress.report({ progress: 1, details: { progress_id: "x", parent_id: "y", more: 1 } })
      expect(events[0]?.details).toEqual({ progress_id: id(1), parent_id: null, progress: 1, more: 1 })
      expect(events[0]?.progress_percent).toBeNull()
    }).pipe(Effect.provide(layer))
  )

  it.effect("an event reaches the listeners of its call and, with the owner, those of all calls", () =>
    Effect.gen(function* () {
      const { listen } = yield* ProgressEvents
      const { events, progress, tracker } = yield* called
      const late: Array<ProgressEvent> = []
      const all: Array<unknown> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* listen((owner, event) => all.push([owner, event]))
          yield* progress.report({ progress: 1 })
        })
      )
      tracker.listen((event) => late.push(event))
      yield* progress.report({ progress: 2 })
      expect(all).toEqual([[stdioUser, events[0]]])
      expect(events).toHaveLength(2)
      expect(late).toEqual(events.slice(1))
    }).pipe(Effect.provide(layer))
  )

  it.effect("without listeners no id is generated and the call is not read", () =>
    Effect.gen(function* () {
      const { track } = yield* ProgressEvents
      const unread = {
        name: "tool",
        principal: stdioUser,
        correlationId: "",
        get requestId(): string {
          throw new Error("The request id was asked for.")
        }
      }
      const tracker = track(unread)
      yield* tracker.progress.steps(["a"]).step("a", tracker.progress.report({ progress: 1 }))
      tracker.end("succeeded")
      const { events, progress: other } = yield* called
      yield* other.report({ progress: 1 })
      expect(events[0]?.details.progress_id).toBe(id(1))
    }).pipe(Effect.provide(layer))
  )
})

describe("steps", () => {
  it.effect("steps count by weight and receive the reports of their effects", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      const { step } = progress.steps(["find", { name: "load", weight: 3 }])
      yield* step("find", Effect.void)
      const loading = Progress.use(({ report }) => report({ progress: 512, total: 1024, message: "page" }))
      yield* step("load", loading)
      expect(told(events)).toEqual([
        ["started", "find", 0],
        ["update", "find", 25],
        ["update", "load", 25],
        ["update", "load", 62.5],
        ["update", "load", 100]
      ])
      expect(events[3]?.details).toMatchObject({ progress: 512, total: 1024, message: "page" })
    }).pipe(Effect.provide(layer))
  )

  it.effect("a failed or interrupted step is published as failed and can be retried", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      const { step } = progress.steps(["a", "b"])
      const failure = yield* Effect.flip(step("a", Effect.fail(new Refused())))
      expect(failure).toBeInstanceOf(Refused)
      yield* step("a", Effect.void)
      const fiber = yield* Effect.forkChild(step("b", Effect.never), { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      expect(told(events)).toEqual([
        ["started", "a", 0],
        ["step_failed", "a", 0],
        ["update", "a", 0],
        ["update", "a", 50],
        ["update", "b", 50],
        ["step_failed", "b", 50]
      ])
      expect(events.map(({ details }) => details.error)).toEqual([
        undefined,
        "Refused",
        undefined,
        undefined,
        undefined,
        "Interrupted"
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("entering a step completes the earlier ones and entering an earlier one is ignored", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      const { begin } = progress.steps(["resolve", "connect", "download", "extract"])
      for (const name of ["resolve", "connect", "resolve", "connect", "extract"] as const) yield* begin(name)
      expect(told(events)).toEqual([
        ["started", "resolve", 0],
        ["update", "connect", 25],
        ["update", "extract", 75]
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("steps of a handler that runs again continue where they were", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      for (const last of ["b", "d"] as const) {
        const { begin } = progress.steps(["a", "b", "c", "d"])
        yield* begin("a")
        yield* begin(last)
      }
      expect(percents(events)).toEqual([0, 25, 25, 75])
    }).pipe(Effect.provide(layer))
  )

  it.effect("steps run without listeners", () =>
    Effect.gen(function* () {
      const { begin, step } = Progress.silent.steps(["a"])
      yield* begin("a")
      expect(
        yield* step(
          "a",
          Progress.use((inner) => Effect.succeed(inner === Progress.silent))
        )
      ).toBe(true)
      yield* Progress.silent.child("b").report({ progress: 1 })
    })
  )
})

it.effect("children count by weight at every level", () =>
  Effect.gen(function* () {
    const { events, progress } = yield* called
    const load = progress.child("load", 1)
    const work = progress.child("work", 3)
    const half = work.child("half")
    work.child("other half")
    yield* load.report({ progress: 1, total: 1 })
    yield* half.report({ progress: 1, total: 2 })
    yield* half.report({ progress: 2, total: 2 })
    expect(told(events)).toEqual([
      ["started", "load", 25],
      ["update", "half", 43.8],
      ["update", "half", 62.5]
    ])
    const [, { details = undefined } = {}] = events
    expect(details).toMatchObject({ progress_id: id(3), parent_id: id(4) })
  }).pipe(Effect.provide(layer))
)

describe("the remaining time", () => {
  it.effect("the remaining time follows from the observed speed and is unknown before", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      for (let done = 0; done <= 4; done++) {
        yield* progress.report({ progress: done, total: 4 })
        yield* TestClock.adjust("1 second")
      }
      expect(events.map(({ eta_ms }) => Math.round(eta_ms ?? -1))).toEqual([-1, 3000, 2000, 1000, 0])
      expect(events.map(({ elapsed_ms }) => elapsed_ms)).toEqual([0, 1000, 2000, 3000, 4000])
    }).pipe(Effect.provide(layer))
  )

  it.effect("the remaining time follows a change of speed", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      const reports = (from: number, to: number, every: number) =>
        Effect.forEach(
          Array.from({ length: to - from }, (_, index) => from + index),
          (done) => Effect.andThen(progress.report({ progress: done, total: 1000 }), TestClock.adjust(every))
        )
      yield* reports(0, 100, 100)
      const fast = events.at(-1)?.eta_ms ?? 0
      yield* reports(100, 200, 1000)
      const slow = events.at(-1)?.eta_ms ?? 0
      expect(fast).toBeCloseTo(90_100, -2)
      // 801 more at one per second: the fast ones no longer count.
      expect(Math.abs(slow - 801_000)).toBeLessThan(8010)
    }).pipe(Effect.provide(layer))
  )
})

describe("the rate limit of events", () => {
  it.effect("a burst publishes five events, then one per 100 ms, and never loses the latest", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      for (let done = 1; done <= 1000; done++) yield* progress.report({ progress: done, total: 2000 })
      expect(events.map(({ details }) => details.progress)).toEqual([1, 2, 3, 4, 5])
      yield* TestClock.adjust("99 millis")
      expect(events).toHaveLength(5)
      yield* TestClock.adjust("1 millis")
      expect(events.at(-1)?.details.progress).toBe(1000)
      yield* TestClock.adjust("10 seconds")
      expect(events).toHaveLength(6)
      // A pause refills no more than the burst.
      for (let done = 1001; done <= 2000; done++) yield* progress.report({ progress: done, total: 2000 })
      expect(events).toHaveLength(11)
    }).pipe(Effect.provide(layer))
  )

  it.effect("at the end the held event is published before the last one", () =>
    Effect.gen(function* () {
      const { events, progress, tracker } = yield* called
      for (let done = 1; done <= 9; done++) yield* progress.report({ progress: done })
      tracker.end("failed")
      expect(events.slice(5).map(({ details, event_type }) => [event_type, details.progress])).toEqual([
        ["progress_update", 9],
        ["progress_failed", undefined]
      ])
    }).pipe(Effect.provide(layer))
  )

  it.effect("a report without news is not published", () =>
    Effect.gen(function* () {
      const { events, progress } = yield* called
      const figures = [1, 1, 0, Number.NaN, Infinity, -Infinity]
      for (const figure of figures) yield* progress.report({ progress: figure, total: 2 })
      expect(events).toHaveLength(1)
      yield* progress.report({ progress: 0, total: 2, message: "waiting" })
      expect(events[1]?.details).toMatchObject({ progress: 1, message: "waiting" })
    }).pipe(Effect.provide(layer))
  )
})

describe("the last event", () => {
  it.effect("a call without reports publishes nothing", () =>
    Effect.gen(function* () {
      const { events, progress, tracker } = yield* called
      progress.steps(["a", "b"])
      tracker.end("succeeded")
      expect(events).toEqual([])
    }).pipe(Effect.provide(layer))
  )

  it.effect("work that continues after the end publishes nothing", () =>
    Effect.gen(function* () {
      const { events, progress, tracker } = yield* called
      const release = yield* Deferred.make<void>()
      const { step } = progress.steps(["a"])
      const left = yield* Effect.forkChild(step("a", Deferred.await(release)), { startImmediately: true })
      tracker.end("interrupted")
      tracker.end("succeeded")
      yield* Deferred.succeed(release, undefined)
      yield* Fiber.join(left)
      yield* progress.report({ progress: 1 })
      yield* TestClock.adjust("1 second")
      expect(told(events)).toEqual([
        ["started", "a", 0],
        ["interrupted", "a", 0]
      ])
    }).pipe(Effect.provide(layer))
  )

  const names = {
    succeeded: "progress_completed",
    suspended: "progress_suspended",
    refused: "progress_failed",
    failed: "progress_failed",
    died: "progress_failed",
    interrupted: "progress_interrupted"
  } as const
  for (const status of Record.keys(names)) {
    it.effect(`the last event is named after the call's status: ${status}`, () =>
      Effect.gen(function* () {
        const { events, progress, tracker } = yield* called
        yield* progress.report({ progress: 1, total: 2 })
        tracker.end(status)
        expect(events.at(-1)).toMatchObject({
          event_type: names[status],
          progress_percent: status === "succeeded" ? 100 : 50
        })
      }).pipe(Effect.provide(layer))
    )
  }
})

/** A random operation of a handler on one of its parts. */
const deed = fc.oneof(
  fc.record({
    do: fc.constant("report" as const),
    part: fc.nat(),
    progress: fc.oneof(fc.integer({ min: -5, max: 50 }), fc.double()),
    total: fc.option(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.double()), { nil: undefined })
  }),
  fc.record({ do: fc.constant("child" as const), part: fc.nat(), weight: fc.double() }),
  fc.record({ do: fc.constant("step" as const), part: fc.nat(), succeeds: fc.boolean() }),
  fc.record({ do: fc.constant("wait" as const), millis: fc.nat({ max: 400 }) })
)

it.effect("for any reports the events are monotonic, bounded and end once", () =>
  Effect.promise(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(deed, { maxLength: 60 }),
        fc.constantFrom(
          ["succeeded", "completed"] as const,
          ["failed", "failed"] as const,
          ["interrupted", "interrupted"] as const,
          ["suspended", "suspended"] as const
        ),
        fc.array(deed, { maxLength: 10 }),
        (deeds, [status, ending], after) =>
          Effect.gen(function* () {
            const { events, progress, tracker } = yield* called
            const parts: Array<Reporter> = [progress]
            const at = (index: number) => parts[index % parts.length] ?? progress
            let [steps, waited] = [0, 0]
            const act = Effect.fnUntraced(function* (next: (typeof deeds)[number]) {
              switch (next.do) {
                case "report":
                  return yield* at(next.part).report({
                    progress: next.progress,
                    ...(next.total !== undefined && { total: next.total })
                  })
                case "child":
                  return void parts.push(at(next.part).child(`part ${parts.length}`, next.weight))
                case "step": {
                  const { step } = at(next.part).steps([`step ${steps++}`, "never"])
                  const work = next.succeeds ? Effect.void : Effect.fail("no")
                  return yield* Effect.ignore(step(`step ${steps - 1}`, work))
                }
                case "wait":
                  waited += next.millis
                  return yield* TestClock.adjust(next.millis)
              }
            })
            yield* Effect.forEach(deeds, act)
            tracker.end(status)
            const count = events.length
            // The start and the failure of a step are always published; one event may be held until the last one.
            expect(count).toBeLessThanOrEqual(rate.burst + waited / rate.interval + 2 * steps + 2)
            yield* Effect.forEach(after, act)
            yield* TestClock.adjust("1 second")
            expect(events).toHaveLength(count)
            if (count === 0) return

            expect(events[0]?.event_type).toBe("progress_started")
            const [last, ...others] = events.toReversed()
            expect(last?.event_type).toBe(`progress_${ending}`)
            for (const { event_type } of others) {
              expect(event_type).toMatch(/^progress_(started|update|step_failed)$/)
            }
            let [percent, elapsed] = [0, 0]
            for (const event of events) {
              expect(event.progress_percent ?? 0).toBeGreaterThanOrEqual(percent)
              expect(event.elapsed_ms).toBeGreaterThanOrEqual(elapsed)
              expect(event.eta_ms ?? 0).toBeGreaterThanOrEqual(0)
              percent = event.progress_percent ?? percent
              elapsed = event.elapsed_ms
            }
            expect(percent).toBeLessThanOrEqual(100)
            if (ending === "completed") expect(percent).toBe(100)
          }).pipe(Effect.provide([layer, TestClock.layer()]), Effect.runPromise)
      )
    )
  )
)
