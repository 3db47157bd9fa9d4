/**
 * Appends events to one file in one of several ways: `bun appendEvents.ts MODE FOLDER COUNT WARM`; a line of input starts it.
 * `WARM` events are appended before, so that running code is measured, and not its compilation.
 */
import { appendFileSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import { Duration, Effect } from "effect"
import { make } from "../../../layers/chat/jsonl/jsonlStore.ts"
import { Ids } from "../../../layers/platform/Ids.ts"
import { delta, limits, turn } from "../../support/chatStores.ts"

const [mode = "", folder = "", count = "0", warm = "0"] = process.argv.slice(2)
const file = join(folder, "events.jsonl")
const text = "x".repeat(100)

interface ProperLockfile {
  readonly lock: (file: string, options: object) => Promise<() => Promise<void>>
}

const lines = process.stdin[Symbol.asyncIterator]()
/** Writes `ready`, and waits for the start. */
const started = async () => {
  process.stdout.write("ready\n")
  await lines.next()
}
const finished = () => process.stdout.write("done\n")

/** A line as the store writes it. */
const lineOf = (seq: number) =>
  `${JSON.stringify({
    type: "text_delta",
    timestamp: new Date().toISOString(),
    conversation: `c${process.pid}`,
    seq,
    request_id: "r",
    hop: 0,
    text
  })}\n`

/** The store, with a turn that this process runs. */
const store = Effect.gen(function* () {
  const log = yield* make(folder, {
    ...limits,
    fsync: "turn",
    segment_bytes: 2 ** 24,
    retention: Duration.days(400)
  })
  const conversation = `c${process.pid}`
  yield* log.begin({ ...turn("ada", conversation, "Hello", conversation), create: true })
  const append = (times: number) =>
    Effect.gen(function* () {
      for (let at = 0; at < times; at++) yield* log.append(conversation, [delta(conversation, text)])
    })
  yield* append(Number(warm))
  yield* Effect.promise(started)
  yield* append(Number(count))
  finished()
}).pipe(Effect.scoped, Effect.provide(Ids.layer))

switch (mode) {
  case "store":
    await Effect.runPromise(store)
    break
  case "raw": {
    const descriptor = openSync(file, "a")
    for (let at = 0; at < Number(warm); at++) writeSync(descriptor, lineOf(at))
    await started()
    for (let at = 0; at < Number(count); at++) writeSync(descriptor, lineOf(at))
    finished()
    break
  }
  case "proper-lockfile": {
    // The package has no types.
    const name: string = "proper-lockfile"
    const { lock } = (await import(name)) as ProperLockfile
    appendFileSync(file, "")
    const append = async () => {
      const release = await lock(file, {
        realpath: false,
        retries: { retries: 1000, minTimeout: 1, maxTimeout: 10, factor: 1.2, randomize: true }
      })
      try {
        appendFileSync(file, lineOf(0))
      } finally {
        await release()
      }
    }
    for (let at = 0; at < Number(warm); at++) await append()
    await started()
    for (let at = 0; at < Number(count); at++) await append()
    finished()
  }
}
process.exit(0)
