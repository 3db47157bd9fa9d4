/** Process metrics: memory, CPU time, start time and event loop delay. */
import { Clock, Duration, Effect, Layer, Schedule } from "effect"
import { program } from "../../src/domain/version.ts"
import * as processStats from "../platform/processStats.ts"
import { Metrics, seconds } from "./Metrics.ts"

/** Sampling interval of the event loop delay. */
const interval = Duration.millis(500)

const observe = Effect.gen(function* () {
  const metrics = yield* Metrics
  const clock = yield* Clock.Clock
  yield* metrics.gauge("manifold_build_info", "Version and runtime; always 1.", () => 1, {
    version: program.version,
    runtime: processStats.runtime
  })
  yield* metrics.gauge(
    "process_start_time_seconds",
    "Start time of the process in seconds since 1970.",
    processStats.started
  )
  yield* metrics.gauge(
    "process_resident_memory_bytes",
    "Resident memory of the process in bytes.",
    processStats.residentMemory
  )
  yield* metrics.gauge("process_heap_bytes", "Heap memory in use in bytes.", processStats.usedHeap)
  yield* metrics.total(
    "process_cpu_seconds_total",
    "User and system CPU time in seconds.",
    processStats.cpuTime
  )
  const delay = metrics.histogram(
    "manifold_event_loop_delay_seconds",
    "Event loop delay: how late timers run.",
    seconds
  )
  let last = clock.monotonicTimeNanosUnsafe()
  const sample = Effect.sync(() => {
    const now = clock.monotonicTimeNanosUnsafe()
    const late = Number(now - last) / 1e9 - Duration.toSeconds(interval)
    delay.record(Math.max(0, late))
    last = now
  })
  yield* Effect.forkScoped(Effect.schedule(sample, Schedule.spaced(interval)))
})

/** Reports while the layer is alive. */
export const layer = Layer.effectDiscard(observe)
