/** The progress bar of a call: when it appears, its text, and that it is cleared. */
import { describe, expect } from "bun:test"
import { Effect, Fiber, Sink, Stdio } from "effect"
import { TestClock } from "effect/testing"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import { withBar } from "../../../src/cli/progressBar.ts"
import { it } from "../../support/effect.ts"

/** Standard error that records its output. */
const stderr = (terminal: boolean) => {
  const written: Array<string> = []
  const layer = Stdio.layerTest({
    stderrIsTerminal: Effect.succeed(terminal),
    stderr: () => Sink.forEach((text) => Effect.sync(() => void written.push(String(text))))
  })
  return { written, layer }
}

const event = (over: Partial<ProgressEvent>): ProgressEvent => ({
  event_type: "progress_update",
  tool: "tool",
  request_id: "request",
  step: null,
  progress_percent: null,
  eta_ms: null,
  elapsed_ms: 0,
  details: { progress_id: "id", parent_id: null },
  correlation_id: "request",
  ...over
})

const cleared = "\r\u001b[K"
/** The text without escape sequences. */
const text = (written: string | undefined) => written?.replaceAll(/\r|\u001b\[\??\d*[a-zA-Z]/g, "")

/** A call of this duration that reports these events at its start. */
const work = (terminal: boolean, duration: string, events: ReadonlyArray<ProgressEvent> = []) => {
  const { layer, written } = stderr(terminal)
  const call = withBar("tool", (onProgress) =>
    Effect.suspend(() => {
      events.forEach(onProgress)
      return Effect.as(Effect.sleep(duration as "1 second"), "result")
    })
  )
  return Effect.map(Effect.forkChild(Effect.provide(call, layer)), (fiber) => ({ fiber, written }))
}

describe("on a terminal, the progress bar", () => {
  it.effect("is not shown for calls shorter than a second", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* work(true, "999 millis", [event({ progress_percent: 50 })])
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toBe("result")
      expect(written).toEqual([])
    })
  )

  it.effect("shows percent, step, message and remaining time, and is cleared at the end", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* work(true, "4 seconds", [
        event({
          progress_percent: 42.5,
          step: "download",
          eta_ms: 3500,
          details: { progress_id: "id", parent_id: null, progress: 3, message: "page\u001b[2J 3\n" }
        })
      ])
      yield* TestClock.adjust("1 second")
      expect(written.map(text)).toEqual(["tool  ████████░░░░░░░░░░░░  42 %  download: page [2J 3   3 s left"])
      yield* TestClock.adjust("1 second")
      expect(text(written.at(-1))).toEndWith("2 s left")
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toBe("result")
      expect(written.at(-1)).toBe(cleared)
    })
  )

  it.effect("shows the elapsed time of a tool without progress events", () =>
    Effect.gen(function* () {
      const { written } = yield* work(true, "1 minute")
      yield* TestClock.adjust("3 seconds")
      expect(text(written.at(-1))).toBe("tool  3 s")
    })
  )

  it.effect("is cleared when the call is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* work(true, "1 minute")
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      expect(written.at(-1)).toBe(cleared)
    })
  )
})

it.effect("no progress bar is written if standard error is not a terminal", () =>
  Effect.gen(function* () {
    const { fiber, written } = yield* work(false, "1 minute", [event({ progress_percent: 50 })])
    yield* TestClock.adjust("2 minutes")
    expect(yield* Fiber.join(fiber)).toBe("result")
    expect(written).toEqual([])
  })
)
