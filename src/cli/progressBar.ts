/** Progress bar of a call, as one line on a terminal's standard error. */
import { Effect, Schedule, Stdio, Stream } from "effect"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

/** Shorter calls show no bar. */
const showAfter = "1 second"
const redrawInterval = "100 millis"
const width = 20

/** Control characters and bidirectional marks: the message may come from an untrusted source. */
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g
const maxLength = 200

/** Rewrites the line in place, without wrapping: the start of a wrapped line is out of reach for `\r`. */
const rewrite = (line: string) => `\r\u001b[?7l${line}\u001b[K\u001b[?7h`
const clearLine = "\r\u001b[K"

const duration = (seconds: number): string =>
  seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`

interface LastEvent {
  readonly event: ProgressEvent
  readonly at: number
}

/** Times are in milliseconds. */
const lineOf = (tool: string, last: LastEvent | undefined, waited: number, now: number): string => {
  const { details, eta_ms = null, progress_percent = null, step = null } = last?.event ?? {}
  // A message without a number describes the whole step, so it replaces the step's name.
  const stepName = details?.message !== undefined && details.progress === undefined ? null : step
  const label = [...new Set([stepName, details?.message])].filter((part) => part != null).join(": ")
  const parts = [tool]
  if (progress_percent !== null) {
    const filled = Math.floor((progress_percent / 100) * width)
    parts.push("█".repeat(filled) + "░".repeat(width - filled), `${Math.floor(progress_percent)} %`)
  }
  if (label !== "") parts.push(label)
  const left = eta_ms === null || last === undefined ? 0 : eta_ms - (now - last.at)
  parts.push(left > 0 ? `${duration(Math.ceil(left / 1000))} left` : duration(Math.floor(waited / 1000)))
  return parts.join("  ").replace(controls, " ").slice(0, maxLength)
}

/**
 * Runs `call`. If standard error is a terminal and the call takes more than a second, a line shows the latest event
 * passed to `onProgress`, until the call ends. Otherwise nothing is written.
 */
export const withBar = <A, E, R>(
  tool: string,
  call: (onProgress: (event: ProgressEvent) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return yield* call(() => {})
    const clock = yield* Effect.clockWith(Effect.succeed)
    const started = monotonicMillis(clock)
    let last: LastEvent | undefined
    let shown = ""
    // Failing to write the bar must not fail the call.
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
    const draw = Effect.suspend(() => {
      const now = monotonicMillis(clock)
      const line = lineOf(tool, last, now - started, now)
      if (line === shown) return Effect.void
      shown = line
      return write(rewrite(line))
    })
    const drawing = Effect.delay(Effect.repeat(draw, Schedule.spaced(redrawInterval)), showAfter)
    return yield* Effect.raceFirst(
      call((event) => {
        last = { event, at: monotonicMillis(clock) }
      }),
      Effect.andThen(drawing, Effect.never)
    ).pipe(Effect.ensuring(Effect.suspend(() => (shown === "" ? Effect.void : write(clearLine)))))
  })
