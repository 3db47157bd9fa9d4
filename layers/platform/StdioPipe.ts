/** Byte pipe of a stdio server: standard input, and standard output reserved for protocol messages. */
import { type Cause, Context, Effect, Layer, PlatformError, Queue, Stream } from "effect"

/** Methods of `console` that print to standard output on Bun, besides `write`. */
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
 * Redirects `console` and `process.stdout` to standard error while the scope is open. `process.stdout` is not restored,
 * because saving it would load Node's streams at start. `StdioPipe.write` is not affected.
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
    /** Input until the peer closes it. Run it once. */
    readonly input: Stream.Stream<Uint8Array, PlatformError.PlatformError>
    /**
     * Writes the whole chunk, in the order of the calls. Resolves when the system has accepted it (back-pressure);
     * rejects with a `PlatformError` when the reader is gone.
     */
    readonly write: (chunk: string) => Promise<void>
  }
>()("manifold/platform/StdioPipe") {
  /** The pipe of this process. Activates `guardStdout`. */
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
            // Both return a number, or a promise that may reject and so must be awaited.
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

  /** In-memory pipe with its other end: `send` and `end` feed `input`, `received` gets the writes. */
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
      /** Simulates a lost reader: writes reject from now on. */
      hangUp: Queue.shutdown(received).pipe(Effect.asVoid)
    }
  })
}
