/** A line on the terminal that says how a call comes along, while one waits for it. */
import { Effect, Schedule, Stdio, Stream } from "effect"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"

/** Work that is done sooner needs no line. */
const patience = "1 second"
const redrawn = "100 millis"
const width = 20

/** Controls, and marks that turn the direction of text: a message may come from anywhere. */
const controls = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g
const longest = 200

/** The line is rewritten in place; without wrapping, because the start of a wrapped line could not be reached again. */
const drawn = (line: string) => `\r\u001b[?7l${line}\u001b[K\u001b[?7h`
const cleared = "\r\u001b[K"

const duration = (seconds: number): string =>
  seconds < 100 ? `${seconds} s` : `${Math.round(seconds / 60)} min`

interface Seen {
  readonly event: ProgressEvent
  readonly at: number
}

/** Everything in milliseconds. */
const lineOf = (tool: string, seen: Seen | undefined, waited: number, now: number): string => {
  const { details, eta_ms = null, progress_percent = null, step = null } = seen?.event ?? {}
  // A message without a figure is a sentence about the whole step.
  const named = details?.message !== undefined && details.progress === undefined ? null : step
  const said = [...new Set([named, details?.message])].filter((part) => part != null).join(": ")
  const parts = [tool]
  if (progress_percent !== null) {
    const filled = Math.floor((progress_percent / 100) * width)
    parts.push("█".repeat(filled) + "░".repeat(width - filled), `${Math.floor(progress_percent)} %`)
  }
  if (said !== "") parts.push(said)
  const rest = eta_ms === null || seen === undefined ? 0 : eta_ms - (now - seen.at)
  parts.push(rest > 0 ? `${duration(Math.ceil(rest / 1000))} left` : duration(Math.floor(waited / 1000)))
  return parts.join("  ").replace(controls, " ").slice(0, longest)
}

/**
 * Runs what `call` makes. Where standard error is a terminal and it takes over a second, a line there shows what is told
 * to `onProgress`, until the end. Elsewhere nothing is written.
 */
export const withBar = <A, E, R>(
  tool: string,
  call: (onProgress: (event: ProgressEvent) => void) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return yield* call(() => {})
    const clock = yield* Effect.clockWith(Effect.succeed)
    const started = clock.currentTimeMillisUnsafe()
    let seen: Seen | undefined
    let shown = ""
    // A terminal that cannot be written to is no reason to fail.
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr()))
    const draw = Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      const line = lineOf(tool, seen, now - started, now)
      if (line === shown) return Effect.void
      shown = line
      return write(drawn(line))
    })
    const drawing = Effect.delay(Effect.repeat(draw, Schedule.spaced(redrawn)), patience)
    return yield* Effect.raceFirst(
      call((event) => {
        seen = { event, at: clock.currentTimeMillisUnsafe() }
      }),
      Effect.andThen(drawing, Effect.never)
    ).pipe(Effect.ensuring(Effect.suspend(() => (shown === "" ? Effect.void : write(cleared)))))
  })
