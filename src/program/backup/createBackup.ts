/** Makes a backup of the state folder, also while the service runs. */
import { Clock, DateTime, Effect, Schema } from "effect"
import { copyLog, isLogFile } from "../../../layers/chat/jsonl/copyLog.ts"
import { hasContents, isNoState, markName } from "../../../layers/platform/replaceFolder.ts"
import * as files from "../../../layers/platform/stateFiles.ts"
import { migrationsTable } from "../../../layers/storage/migrate.ts"
import { program } from "../../domain/version.ts"
import { attempt, copy } from "./attempt.ts"
import {
  BackupError,
  backupFormat,
  manifestName,
  ManifestText,
  type BackupManifest
} from "./BackupManifest.ts"
import { withDraft } from "./draftFolder.ts"

const database = "manifold.db"

/** Temporary files and parts of the database: the copy of the database contains what they say. */
const isLeftOut = (path: string) =>
  path.startsWith(database) || isLogFile(path) || isNoState(path) || /(?:^|\/)\./.test(path)

/** Fails if `target` cannot be the new folder of a backup of `dir`. */
const checkFolders = Effect.fnUntraced(function* (dir: string, target: string) {
  if (!(yield* attempt("read", dir, () => hasContents(dir)))) {
    return yield* new BackupError({ reason: "missing", message: `The state folder ${dir} is empty.` })
  }
  if (files.isPresent(target)) {
    return yield* new BackupError({
      reason: "exists",
      message: `${target} exists. Give the name of a new folder.`
    })
  }
  if (yield* attempt("read", target, () => files.isWithin(dir, target))) {
    return yield* new BackupError({
      reason: "inside",
      message: `${target} is in the state folder ${dir}. Give a folder outside it.`
    })
  }
})

/** Copies the database. The result is its newest migration; 0 without a database. */
const copyDatabase = Effect.fnUntraced(function* (from: string, to: string) {
  if (!files.isPresent(from)) return 0
  if (!files.isReadable(from)) yield* attempt("read", from, () => files.digestOf(from))
  yield* attempt("write", to, () => files.copyDatabase(from, to))
  return yield* attempt("read", to, () => files.migrationOf(to, migrationsTable))
})

/**
 * Writes the backup of `dir` to the new folder `target`. Each part is consistent: the database is copied by `VACUUM INTO`, the
 * conversations as `copyLog` does. On an error nothing is left. Fails with `BackupError` or `ChatStoreError`.
 */
export const createBackup = Effect.fn("Backup.create")(function* (dir: string, target: string) {
  yield* checkFolders(dir, target)
  const draft = `${target}.partial`
  const write = Effect.fnUntraced(function* (complete: () => void) {
    yield* copyLog(dir, draft)
    const paths = yield* attempt("read", dir, () => files.filesIn(dir, isLeftOut))
    for (const path of paths) yield* copy(`${dir}/${path}`, `${draft}/${path}`, true)
    const migration = yield* copyDatabase(`${dir}/${database}`, `${draft}/${database}`)
    const manifest: BackupManifest = {
      format: backupFormat,
      version: program.version,
      date: DateTime.formatIso(DateTime.makeUnsafe(yield* Clock.currentTimeMillis)),
      migration,
      files: yield* attempt("read", draft, () =>
        files
          .filesIn(draft, (path) => path === markName)
          .map((path) => ({ path, ...files.digestOf(`${draft}/${path}`) }))
      )
    }
    const text = yield* Effect.orDie(Schema.encodeEffect(ManifestText)(manifest))
    yield* attempt("write", target, () => {
      files.writeText(`${draft}/${manifestName}`, text)
      complete()
      files.move(draft, target)
    })
    return manifest
  })
  return yield* withDraft(draft, write)
})
