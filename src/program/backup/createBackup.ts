/** Makes a backup of the state folder, also while the service runs. */
import { Clock, DateTime, Effect, Schema } from "effect"
import { copyLog, isLogFile } from "../../../layers/chat/jsonl/copyLog.ts"
import { describeSystemError } from "../../../layers/platform/describeFileError.ts"
import * as files from "../../../layers/platform/stateFiles.ts"
import { migrationsTable } from "../../../layers/storage/migrate.ts"
import { program } from "../../domain/version.ts"
import {
  BackupError,
  backupFormat,
  manifestName,
  ManifestText,
  type BackupManifest
} from "./BackupManifest.ts"

const database = "manifold.db"

/** Temporary files and parts of the database: the copy of the database contains what they say. */
const isLeftOut = (path: string) => path.startsWith(database) || isLogFile(path) || /(?:^|\/)\./.test(path)

export const attempt = <A>(what: string, run: () => A) =>
  Effect.try({
    try: run,
    catch: (cause) =>
      new BackupError({ reason: "unwritable", message: `Cannot ${what}: ${describeSystemError(cause)}.` })
  })

/** Files that were removed since they were listed are left out. */
const copyIfPresent = (from: string, to: string) => {
  try {
    files.copyFile(from, to)
  } catch (cause) {
    if (files.isPresent(from)) throw cause
  }
}

/**
 * Writes the backup of `dir` to the new folder `target`. Each part is consistent: the database is copied by `VACUUM INTO`, the
 * conversations under their lock. On an error nothing is left. Fails with `BackupError` or `ChatStoreError`.
 */
export const createBackup = Effect.fn("Backup.create")(function* (dir: string, target: string) {
  if (yield* attempt(`read ${dir}`, () => files.isEmptyOrAbsent(dir))) {
    return yield* new BackupError({ reason: "missing", message: `The state folder ${dir} is empty.` })
  }
  if (files.isPresent(target)) {
    return yield* new BackupError({
      reason: "exists",
      message: `${target} exists. Give the name of a new folder.`
    })
  }
  const draft = `${target}.partial`
  yield* attempt(`write ${draft}`, () => files.makeNewFolder(draft))
  const write = Effect.gen(function* () {
    yield* copyLog(dir, draft)
    const migration = yield* attempt(`copy ${dir} to ${target}`, () => {
      for (const path of files.filesIn(dir)) {
        if (!isLeftOut(path)) copyIfPresent(`${dir}/${path}`, `${draft}/${path}`)
      }
      if (!files.isPresent(`${dir}/${database}`)) return 0
      files.copyDatabase(`${dir}/${database}`, `${draft}/${database}`)
      return files.migrationOf(`${draft}/${database}`, migrationsTable)
    })
    const manifest: BackupManifest = {
      format: backupFormat,
      version: program.version,
      date: DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis)),
      migration,
      files: yield* attempt(`read ${draft}`, () =>
        files.filesIn(draft).map((path) => ({ path, ...files.digestOf(`${draft}/${path}`) }))
      )
    }
    const text = yield* Effect.orDie(Schema.encodeEffect(ManifestText)(manifest))
    yield* attempt(`write ${target}`, () => {
      files.writeText(`${draft}/${manifestName}`, text)
      files.move(draft, target)
    })
    return manifest
  })
  return yield* Effect.onExit(write, (exit) =>
    exit._tag === "Success" ? Effect.void : Effect.sync(() => files.removeFolder(draft))
  )
})
