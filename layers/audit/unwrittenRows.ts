/** Files in the state folder with rows that could not be written before the process ended; the next process writes them. */
import { Effect, FileSystem, Schema } from "effect"
import { Storage } from "../storage/Storage.ts"
import { Ids } from "../platform/Ids.ts"
import { UnlinkedRow } from "./chain.ts"

const prefix = "audit-rows-"
const suffix = ".json"

const Rows = Schema.fromJsonString(Schema.Array(UnlinkedRow))
const decode = Schema.decodeUnknownEffect(Rows)

export const makeUnwrittenRows = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const { dir, path, prepare } = yield* Storage
  const ids = yield* Ids

  /** Keeps the rows for the next process. */
  const save = Effect.fnUntraced(function* (rows: ReadonlyArray<UnlinkedRow>) {
    yield* prepare
    const file = path(`${prefix}${yield* ids.next}${suffix}`)
    yield* fs.writeFileString(file, JSON.stringify(rows), { flag: "wx", mode: 0o600 })
    return file
  })

  /** Passes the rows of each file to `write`, and removes the file. Of several processes one gets a file: it is renamed first. */
  const restore = Effect.fnUntraced(function* <E>(
    write: (rows: ReadonlyArray<UnlinkedRow>) => Effect.Effect<void, E>
  ) {
    const names = yield* Effect.orElseSucceed(fs.readDirectory(dir), (): Array<string> => [])
    for (const name of names) {
      if (!name.startsWith(prefix) || !name.endsWith(suffix)) continue
      const claimed = path(`${name}.${yield* ids.next}`)
      const isOwn = yield* fs.rename(path(name), claimed).pipe(
        Effect.as(true),
        Effect.orElseSucceed(() => false)
      )
      if (!isOwn) continue
      const rows = yield* Effect.option(Effect.flatMap(fs.readFileString(claimed), decode))
      if (rows._tag === "None") {
        yield* Effect.logError("a file with rows of the audit log is damaged and is not used").pipe(
          Effect.annotateLogs({ file: claimed })
        )
        continue
      }
      yield* write(rows.value).pipe(
        Effect.onError(() => Effect.ignore(fs.rename(claimed, path(name)))),
        Effect.andThen(Effect.ignore(fs.remove(claimed)))
      )
    }
  })

  return { save, restore }
})
