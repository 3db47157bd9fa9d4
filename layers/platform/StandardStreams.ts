/** Effect's `Stdio`: arguments and standard streams. Node's streams, which take 3 ms to load, are loaded at the first write. */
import { Effect, Layer, Sink, Stdio, Stream } from "effect"
import { systemError } from "effect/PlatformError"

const failure = (method: string) => (cause: unknown) =>
  systemError({ module: "Stdio", method, _tag: "Unknown", cause })

const output =
  (name: "stdout" | "stderr"): Stdio.Stdio["stdout"] =>
  (options) =>
    Sink.unwrap(
      Effect.map(
        Effect.promise(() => import("@effect/platform-node-shared/NodeSink")),
        ({ fromWritable }) =>
          fromWritable({
            evaluate: () => process[name],
            onError: failure(name),
            endOnDone: options?.endOnDone ?? false
          })
      )
    )

export const layer = Layer.succeed(
  Stdio.Stdio,
  Stdio.make({
    args: Effect.sync(() => process.argv.slice(2)),
    stdinIsTerminal: Effect.sync(() => process.stdin.isTTY),
    stdoutIsTerminal: Effect.sync(() => process.stdout.isTTY),
    stderrIsTerminal: Effect.sync(() => process.stderr.isTTY),
    stdin: Stream.fromReadableStream({ evaluate: () => Bun.stdin.stream(), onError: failure("stdin") }),
    stdout: output("stdout"),
    stderr: output("stderr")
  })
)
