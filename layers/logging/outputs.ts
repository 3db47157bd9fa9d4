/** What the log writes to besides memory: a standard stream, and a file where one is set. */
import { Effect } from "effect"
import type { OutputStream } from "../platform/OutputStreams.ts"
import * as Line from "./Line.ts"
import type { Log } from "./Log.ts"
import * as RotatingFile from "./RotatingFile.ts"
import type { Settings } from "./section.ts"
import * as Writer from "./Writer.ts"

const asJson = (line: string) => line

/** A failure is told in the log itself: of the file on the stream, and of the stream in the file. */
const events = (log: Log["Service"], name: string): Writer.Events => ({
  failed: ({ message }) =>
    log.tell("warn", "the log cannot be written; what comes is dropped until it can", {
      log: name,
      error: message
    }),
  lost: (lines) => log.tell("warn", "log lines were dropped", { log: name, dropped: lines })
})

/** Adds the outputs to the log for as long as the scope is open. `file` is an absolute path. */
export const open = Effect.fnUntraced(function* (
  log: Log["Service"],
  stream: OutputStream,
  settings: Settings,
  file: string | undefined
) {
  const add = Effect.fnUntraced(function* (
    write: Parameters<typeof Writer.make>[0],
    name: string,
    format: (line: string) => string
  ) {
    const writer = yield* Writer.make(write, events(log, name))
    const output = { push: (line: string) => writer.push(format(line)) }
    yield* Effect.acquireRelease(
      Effect.sync(() => log.outputs.add(output)),
      () => Effect.sync(() => log.outputs.delete(output))
    )
  })
  const readable = settings.format === "auto" ? yield* stream.isTerminal : settings.format === "pretty"
  yield* add(stream.write, "stream", readable ? Line.pretty : asJson)
  if (file === undefined) return
  const append = yield* RotatingFile.make({ path: file, maxBytes: settings.max_bytes, keep: settings.keep })
  yield* add(append, file, asJson)
})
