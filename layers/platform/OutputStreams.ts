/** Non-blocking writes to standard output and standard error. */
import { Context, Effect, Layer, PlatformError } from "effect"

export interface OutputStream {
  readonly isTerminal: Effect.Effect<boolean>
  /** Writes text, or UTF-8 bytes that must not change meanwhile. Completes when the system has accepted them; fails when the stream is closed. */
  readonly write: (text: string | Uint8Array) => Effect.Effect<void, PlatformError.PlatformError>
}

export const names = ["stdout", "stderr"] as const
export type Name = (typeof names)[number]

/** The internal binding behind `node:tty`, which takes 3 ms to load. Not a public API: if it is missing, `node:tty` is loaded. */
type Binding = (name: "tty_wrap") => { readonly isTTY: (descriptor: number) => boolean }

const isTerminal = (descriptor: number): Effect.Effect<boolean> =>
  Effect.try(() =>
    // Internal and therefore untyped; a missing binding throws, and is caught below.
    (process as unknown as { readonly binding: Binding }).binding("tty_wrap").isTTY(descriptor)
  ).pipe(
    Effect.catch(() =>
      Effect.map(
        Effect.promise(() => import("node:tty")),
        ({ isatty }) => isatty(descriptor)
      )
    )
  )

/** Writes to the file descriptor: `process.stdout` and `process.stderr` add 10 ms to a cold start. */
const stream = (name: Name, descriptor: number): OutputStream => {
  let sink: Bun.FileSink | undefined
  const write = async (text: string | Uint8Array) => {
    sink ??= Bun[name].writer()
    // Both return a number, or a promise that may reject and so must be awaited.
    const taken = sink.write(text)
    if (typeof taken !== "number") await taken
    const flushed = sink.flush()
    if (typeof flushed !== "number") await flushed
  }
  return {
    isTerminal: isTerminal(descriptor),
    write: (text) =>
      Effect.tryPromise({
        try: () => write(text),
        catch: (cause) =>
          PlatformError.systemError({ _tag: "Unknown", module: "OutputStreams", method: name, cause })
      })
  }
}

export class OutputStreams extends Context.Service<OutputStreams, Readonly<Record<Name, OutputStream>>>()(
  "manifold/platform/OutputStreams"
) {
  /** Streams are opened at the first write. */
  static readonly layer = Layer.succeed(OutputStreams, {
    stdout: stream("stdout", 1),
    stderr: stream("stderr", 2)
  })

  /** Calls a function for each write. */
  static readonly layerTest = (
    write: (name: Name, text: string) => Effect.Effect<void, PlatformError.PlatformError>,
    terminal = false
  ) => {
    const test = (name: Name): OutputStream => ({
      isTerminal: Effect.succeed(terminal),
      write: (text) => write(name, typeof text === "string" ? text : new TextDecoder().decode(text))
    })
    return Layer.succeed(OutputStreams, { stdout: test("stdout"), stderr: test("stderr") })
  }
}
