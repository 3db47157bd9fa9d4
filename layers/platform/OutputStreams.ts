/** The standard streams as places to write text to, without ever blocking the program for a slow reader. */
import { Context, Effect, Layer, PlatformError } from "effect"

export interface OutputStream {
  readonly isTerminal: Effect.Effect<boolean>
  /** Text, or UTF-8 that does not change until then. Completes when the system took it; fails when nobody reads any more. */
  readonly write: (text: string | Uint8Array) => Effect.Effect<void, PlatformError.PlatformError>
}

export const names = ["stdout", "stderr"] as const
export type Name = (typeof names)[number]

/** What `node:tty` asks, which takes 3 ms to load. It is no public interface: where it is gone, the module is loaded. */
type Binding = (name: "tty_wrap") => { readonly isTTY: (descriptor: number) => boolean }

const isTerminal = (descriptor: number): Effect.Effect<boolean> =>
  Effect.try(() =>
    // Nobody types what is no public interface; a wrong guess throws, and is caught below.
    (process as unknown as { readonly binding: Binding }).binding("tty_wrap").isTTY(descriptor)
  ).pipe(
    Effect.catch(() =>
      Effect.map(
        Effect.promise(() => import("node:tty")),
        ({ isatty }) => isatty(descriptor)
      )
    )
  )

/** `process.stdout` and `process.stderr` cost a cold start ten milliseconds; the descriptors cost nothing. */
const stream = (name: Name, descriptor: number): OutputStream => {
  let sink: Bun.FileSink | undefined
  const write = async (text: string | Uint8Array) => {
    sink ??= Bun[name].writer()
    // Each may be a promise that rejects: none may be left unawaited, and both are often plain numbers.
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
  /** Nothing is opened until something is written. */
  static readonly layer = Layer.succeed(OutputStreams, {
    stdout: stream("stdout", 1),
    stderr: stream("stderr", 2)
  })

  /** Passes what is written to a function. */
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
