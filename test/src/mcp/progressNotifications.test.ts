/** Progress events as MCP notifications: one unit per call, increasing, bounded for slow readers. */
import { describe, expect, test } from "bun:test"
import { Effect, Layer } from "effect"
import { Ids } from "../../../layers/platform/Ids.ts"
import type { Reporter } from "../../../layers/progress/Progress.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { makeProgress } from "../../../src/mcp/progressNotifications.ts"

const layer = ProgressEvents.layerWith({ interval: 1, burst: 1000 }).pipe(Layer.provide(Ids.layer))
const subject = { name: "tool", requestId: "request", correlationId: "request", principal: stdioUser }

/** The parts of a request that progress needs. */
const context = (notify: (notification: unknown) => Promise<void>, token?: string | number) => {
  const leave = new AbortController()
  const meta = token === undefined ? undefined : { progressToken: token }
  return { leave, context: { gone: () => leave.signal.aborted, notify, meta } }
}

/** The params of all notifications of a call with this handler. */
const notified = (handler: (progress: Reporter) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const sent: Array<unknown> = []
    const progress = makeProgress(
      context(async (notification) => {
        sent.push((notification as { params: unknown }).params)
      }, 0).context
    )
    const { track } = yield* ProgressEvents
    const tracker = track(subject, progress?.onProgress)
    yield* handler(tracker.progress)
    tracker.end("succeeded")
    yield* Effect.promise(() => progress?.sent() ?? Promise.resolve())
    return sent
  }).pipe(Effect.provide(layer), Effect.runPromise)

describe("units", () => {
  test("progress of the whole call is sent in the handler's unit", async () => {
    const sent = await notified(({ report, steps }) =>
      Effect.gen(function* () {
        yield* report({ progress: 0, total: 8 })
        yield* report({ progress: 2, total: 8, message: "two" })
        yield* report({ progress: 2, message: "still two" })
        yield* steps(["half"]).step("half", Effect.void)
      })
    )
    expect(sent).toEqual([
      { progressToken: 0, progress: 0, total: 8 },
      { progressToken: 0, progress: 2, total: 8, message: "two" },
      { progressToken: 0, progress: 8, total: 8, message: "half" }
    ])
  })

  test("a notification has no total if the handler has none", async () => {
    const sent = await notified(({ report }) =>
      Effect.andThen(report({ progress: 1 }), report({ progress: 2 }))
    )
    expect(sent).toEqual([
      { progressToken: 0, progress: 1 },
      { progressToken: 0, progress: 2 }
    ])
  })

  test("progress of steps and parts is sent as percent with the step's name before the message", async () => {
    const sent = await notified(({ child, report }) =>
      Effect.gen(function* () {
        const [load, work] = [child("load"), child("work")]
        yield* load.report({ progress: 512, total: 1024 })
        yield* work.report({ progress: 1, total: 4, message: "page 1" })
        yield* report({ progress: 3, total: 4 })
      })
    )
    expect(sent).toEqual([
      { progressToken: 0, progress: 25, total: 100, message: "load" },
      { progressToken: 0, progress: 37.5, total: 100, message: "work: page 1" },
      { progressToken: 0, progress: 75, total: 100, message: "work" },
      { progressToken: 0, progress: 100, total: 100, message: "work" }
    ])
  })
})

describe("dropped notifications", () => {
  test("a client without a progress token gets no notifications", () => {
    expect(makeProgress(context(() => Promise.resolve()).context)).toBeUndefined()
  })

  const event = (progress: number) => ({
    event_type: "progress_update" as const,
    tool: "tool",
    request_id: "request",
    step: null,
    progress_percent: null,
    eta_ms: null,
    elapsed_ms: 0,
    details: { progress_id: "id", parent_id: null, progress },
    correlation_id: "request"
  })

  test("notifications are dropped beyond the buffer of a slow client and after its cancellation", async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let count = 0
    const slow = context(() => {
      count++
      return promise
    }, "p")
    const progress = makeProgress(slow.context)
    for (let done = 0; done < 1000; done++) progress?.onProgress(event(done))
    expect(count).toBe(64)
    resolve()
    await progress?.sent()
    progress?.onProgress(event(1000))
    expect(count).toBe(65)
    slow.leave.abort()
    progress?.onProgress(event(1001))
    expect(count).toBe(65)
  })

  test("a disconnected client does not fail the call", async () => {
    const gone = context(() => Promise.reject(new Error("closed")), "p")
    const progress = makeProgress(gone.context)
    progress?.onProgress(event(1))
    await progress?.sent()
  })
})
