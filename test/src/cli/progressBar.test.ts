/** The line that says how a call comes along: when it appears, what it says, and that it goes again. */
import { describe, expect } from "bun:test"
import { Effect, Fiber, Sink, Stdio } from "effect"
import { TestClock } from "effect/testing"
import type { ProgressEvent } from "../../../layers/progress/ProgressEvent.ts"
import { withBar } from "../../../src/cli/progressBar.ts"
import { it } from "../../support/effect.ts"

/** A standard error, and what was written to it. */
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
/** Without what moves the cursor. */
const text = (written: string | undefined) => written?.replaceAll(/\r|\u001b\[\??\d*[a-zA-Z]/g, "")

/** Runs for that long, after it told this. */
const work = (terminal: boolean, duration: string, told: ReadonlyArray<ProgressEvent> = []) => {
  const { layer, written } = stderr(terminal)
  const call = withBar("tool", (onProgress) =>
    Effect.suspend(() => {
      told.forEach(onProgress)
      return Effect.as(Effect.sleep(duration as "1 second"), "answer")
    })
  )
  return Effect.map(Effect.forkChild(Effect.provide(call, layer)), (fiber) => ({ fiber, written }))
}

describe("on a terminal", () => {
  it.effect("nothing is written for what is done within a second", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* work(true, "999 millis", [event({ progress_percent: 50 })])
      yield* TestClock.adjust("5 seconds")
      expect(yield* Fiber.join(fiber)).toBe("answer")
      expect(written).toEqual([])
    })
  )

  it.effect(
    "there are percent, step, message and the time left, which goes down; and nothing at the end",
    () =>
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
        expect(written.map(text)).toEqual([
          "tool  ████████░░░░░░░░░░░░  42 %  download: page [2J 3   3 s left"
        ])
        yield* TestClock.adjust("1 second")
        expect(text(written.at(-1))).toEndWith("2 s left")
        yield* TestClock.adjust("5 seconds")
        expect(yield* Fiber.join(fiber)).toBe("answer")
        expect(written.at(-1)).toBe(cleared)
      })
  )

  it.effect("a tool that says nothing shows how long it runs", () =>
    Effect.gen(function* () {
      const { written } = yield* work(true, "1 minute")
      yield* TestClock.adjust("3 seconds")
      expect(text(written.at(-1))).toBe("tool  3 s")
    })
  )

  it.effect("the line goes when the call is interrupted", () =>
    Effect.gen(function* () {
      const { fiber, written } = yield* work(true, "1 minute")
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.interrupt(fiber)
      expect(written.at(-1)).toBe(cleared)
    })
  )
})

it.effect("elsewhere nothing is written", () =>
  Effect.gen(function* () {
    const { fiber, written } = yield* work(false, "1 minute", [event({ progress_percent: 50 })])
    yield* TestClock.adjust("2 minutes")
    expect(yield* Fiber.join(fiber)).toBe("answer")
    expect(written).toEqual([])
  })
)
