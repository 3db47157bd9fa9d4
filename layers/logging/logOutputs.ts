/** The outputs of the log: a standard stream, and a file if one is configured. */
import { Effect } from "effect"
import type { OutputStream } from "../platform/OutputStreams.ts"
import * as Batch from "./LogBatch.ts"
import * as Line from "./logLine.ts"
import type { Log } from "./Log.ts"
import type { Ring } from "./LogRing.ts"
import * as RotatingFile from "./RotatingFile.ts"
import type { Settings } from "./section.ts"
import * as Writer from "./LogWriter.ts"

/** Failures are logged, so that one output reports failures of the other. */
const events = (log: Log["Service"], name: string): Writer.Events => ({
  failed: ({ message }) =>
    log.report("warn", "cannot write the log; lines are dropped until it succeeds", {
      log: name,
      error: message
    }),
  lost: (lines) => log.report("warn", "log lines were dropped", { log: name, dropped: lines })
})

/** Adds the outputs to the log while the scope is open. `file` is an absolute path. */
export const openOutputs = Effect.fnUntraced(function* (
  log: Log["Service"],
  ring: Ring,
  stream: OutputStream,
  settings: Settings,
  file: string | undefined
) {
  /** Writes the batches of the ring. Flushing before adding and removing it gives it exactly the lines in between. */
  const addJson = Effect.fnUntraced(function* (write: Parameters<typeof Writer.make>[0], name: string) {
    const writer = yield* Writer.make(write, events(log, name), () => ring.flush())
    const output = { push: writer.wake }
    const add = Effect.sync(() => {
      ring.flush()
      ring.listeners.add(writer.push)
      log.outputs.add(output)
    })
    yield* Effect.acquireRelease(add, () =>
      Effect.sync(() => {
        ring.flush()
        ring.listeners.delete(writer.push)
        log.outputs.delete(output)
      })
    )
  })

  const addPretty = Effect.fnUntraced(function* (write: Parameters<typeof Writer.make>[0], name: string) {
    const writer = yield* Writer.make(write, events(log, name))
    const output = { push: (line: string) => writer.push(Batch.of(Line.pretty(line))) }
    yield* Effect.acquireRelease(
      Effect.sync(() => log.outputs.add(output)),
      () => Effect.sync(() => log.outputs.delete(output))
    )
  })

  const readable = settings.format === "auto" ? yield* stream.isTerminal : settings.format === "pretty"
  yield* readable ? addPretty(stream.write, "stream") : addJson(stream.write, "stream")
  if (file === undefined) return
  const append = yield* RotatingFile.make({ path: file, maxBytes: settings.max_bytes, keep: settings.keep })
  yield* addJson(append, file)
})
