/** Progress in the log: one debug line per event. */
import { expect } from "bun:test"
import { Effect, Layer } from "effect"
import { Ids } from "../../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../../layers/progress/ProgressEvents.ts"
import * as ProgressLog from "../../../layers/progress/logProgress.ts"
import { stdioUser } from "../../../src/domain/Principal.ts"
import { it } from "../../support/effect.ts"
import { capture, parse } from "../logging/capture.ts"

const subject = { name: "tool", requestId: "request", correlationId: "correlation", principal: stdioUser }

/** The log lines of a call at a log level. */
const lines = (level: string) =>
  Effect.gen(function* () {
    const { track } = yield* ProgressEvents
    const { progress, end } = track(subject)
    yield* progress.report({ progress: 1, total: 2, message: "half" })
    end("succeeded")
  }).pipe(
    Effect.provide(
      ProgressLog.layer.pipe(Layer.provideMerge(ProgressEvents.layer), Layer.provide(Ids.layerTest))
    ),
    (program) => capture(program, { logging: { level } }),
    Effect.map(({ stderr }) => stderr.map(parse))
  )

it.effect("each event is a log line with its fields", () =>
  Effect.gen(function* () {
    const written = yield* lines("debug")
    expect(written).toHaveLength(2)
    expect(written[0]).toMatchObject({
      level: "debug",
      message: "progress_started",
      tool: "tool",
      request_id: "request",
      progress_percent: 50,
      details: { parent_id: null, message: "half" },
      correlation_id: "correlation"
    })
  })
)

it.effect("nothing is logged above level debug", () =>
  Effect.gen(function* () {
    expect(yield* lines("info")).toEqual([])
  })
)
