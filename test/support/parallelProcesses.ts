/** Several processes of one program that start their work at once: each prints `ready` and continues when its input ends. */
import { expect } from "bun:test"
import { Effect } from "effect"

/** Starts the processes, waits until all are ready, ends their input, and returns the next line of each. */
export const atOnce = Effect.fnUntraced(function* (
  count: number,
  program: string,
  env: Readonly<Record<string, string>>
) {
  const processes = Array.from({ length: count }, () =>
    Bun.spawn([process.execPath, program], { env, stdin: "pipe", stdout: "pipe", stderr: "inherit" })
  )
  yield* Effect.addFinalizer(() => Effect.sync(() => processes.forEach((child) => child.kill())))
  const readers = processes.map((child) => child.stdout.pipeThrough(new TextDecoderStream()).getReader())
  const lines = Effect.forEach(readers, (reader) =>
    Effect.map(
      Effect.promise(() => reader.read()),
      ({ value }) => value
    )
  )
  expect(yield* lines).toEqual(Array.from({ length: count }, () => "ready\n"))
  yield* Effect.promise(() => Promise.all(processes.map((child) => child.stdin.end())))
  return yield* lines
})
