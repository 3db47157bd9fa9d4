/** What the process needs: memory, processor time, and how late its event loop is. */
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { program } from "../../src/domain/version.ts"
import * as usage from "../platform/processStats.ts"
import { Metrics, seconds } from "./Metrics.ts"

/** Often enough to see a loop that is stuck, rarely enough to cost nothing. */
const interval = Duration.millis(500)

const observe = Effect.gen(function* () {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  yield* metrics.gauge("manifold_build_info", "What runs here; always 1.", () => 1, {
    version: program.version,
    runtime: usage.runtime
  })
  yield* metrics.gauge("process_start_time_seconds", "When the process started, since 1970.", usage.started)
  yield* metrics.gauge(
    "process_resident_memory_bytes",
    "Memory that the process occupies.",
    usage.residentMemory
  )
  yield* metrics.gauge("process_heap_bytes", "Memory that objects occupy.", usage.heap)
  yield* metrics.total("process_cpu_seconds_total", "Processor time, user and system.", usage.processorTime)
  const delay = metrics.histogram(
    "manifold_event_loop_delay_seconds",
    "How much later than due a timer ran.",
    seconds
  )
  let last = clock.currentTimeNanosUnsafe()
  const sample = Effect.sync(() => {
    const now = clock.currentTimeNanosUnsafe()
    const late = Number(now - last) / 1e9 - Duration.toSeconds(interval)
    delay.record(Math.max(0, late))
    last = now
  })
  yield* Effect.forkScoped(Effect.schedule(sample, Schedule.spaced(interval)))
})

/** Reports while it lives. */
export const layer = Layer.effectDiscard(observe)
