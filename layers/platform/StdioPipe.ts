/** The raw byte pipe of a stdio server: standard input, and a standard output that carries nothing but protocol. */
import { type Cause, Context, Effect, Layer, PlatformError, Queue, Stream } from "effect"

/** What of `console` prints to standard output on Bun, besides `write`. */
const printing = [
  "log",
  "info",
  "debug",
  "dir",
  "dirxml",
  "table",
  "trace",
  "group",
  "groupCollapsed",
  "count",
  "timeEnd",
  "timeLog"
] as const

/**
 * While the scope is open, what is printed by `console` or `process.stdout` goes to standard error instead; the latter
 * stays so, because to remember it would make Node's streams, which a start need not wait for. `StdioPipe.write` is
 * not affected.
 */
export const guardStdout = Effect.acquireRelease(
  Effect.sync(() => {
    const before = { ...console }
    const toStderr = (...values: ReadonlyArray<unknown>) => console.error(...values)
    for (const name of printing) console[name] = toStderr
    console.write = (...parts) => {
      toStderr(...parts)
      return 0
    }
    Object.defineProperty(process, "stdout", { configurable: true, get: () => process.stderr })
    return before
  }),
  (before) => Effect.sync(() => void Object.assign(console, before))
).pipe(Effect.asVoid)

const failure = (method: string, description: string, cause?: unknown) =>
  PlatformError.systemError({ _tag: "Unknown", module: "StdioPipe", method, description, cause })

export class StdioPipe extends Context.Service<
  StdioPipe,
  {
    /** What arrives, until the other side closes it. To be run once. */
    readonly input: Stream.Stream<Uint8Array, PlatformError.PlatformError>
    /**
     * Writes the chunk whole, in the order of the calls. Resolves when the system took it, so that a slow reader slows
     * the writer; rejects with a `PlatformError` when the reader is gone.
     */
    readonly write: (chunk: string) => Promise<void>
  }
>()("manifold/platform/StdioPipe") {
  /** The process's own pipe. Whoever holds it owns standard output: `guardStdout` is in force. */
  static readonly layer = Layer.effect(
    StdioPipe,
    Effect.gen(function* () {
      yield* guardStdout
      const sink = Bun.stdout.writer()
      return StdioPipe.of({
        input: Stream.fromReadableStream({
          evaluate: () => Bun.stdin.stream(),
          onError: (cause) => failure("input", "standard input cannot be read", cause)
        }),
        write: async (chunk) => {
          try {
            // Each may be a promise that rejects: none may be left unawaited, and both are often plain numbers.
            const taken = sink.write(chunk)
            if (typeof taken !== "number") await taken
            const flushed = sink.flush()
            if (typeof flushed !== "number") await flushed
          } catch (cause) {
            throw failure("write", "standard output is closed", cause)
          }
        }
      })
    })
  )

  /** A pipe in memory, and its other end: `send` and `end` feed `input`, `received` gets what is written. */
  static readonly memory = Effect.gen(function* () {
    const input = yield* Queue.unbounded<Uint8Array, Cause.Done>()
    const received = yield* Queue.unbounded<string>()
    const encoder = new TextEncoder()
    return {
      layer: Layer.succeed(
        StdioPipe,
        StdioPipe.of({
          input: Stream.fromQueue(input),
          write: (chunk) =>
            Queue.offerUnsafe(received, chunk)
              ? Promise.resolve()
              : Promise.reject(failure("write", "standard output is closed"))
        })
      ),
      send: (chunk: string | Uint8Array) =>
        Queue.offer(input, typeof chunk === "string" ? encoder.encode(chunk) : chunk).pipe(Effect.asVoid),
      end: Queue.end(input).pipe(Effect.asVoid),
      received,
      /** As when the reader goes away: writes reject from now on. */
      hangUp: Queue.shutdown(received).pipe(Effect.asVoid)
    }
  })
}
