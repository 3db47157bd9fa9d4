/** Restores a backup into the state folder, after everything in it was checked. */
import { Clock, Effect, Schema } from "effect"
import { isLogInUse } from "../../../layers/chat/jsonl/copyLog.ts"
import {
  besideFolder,
  hasContents,
  insideFolder,
  isRenameable,
  keepOwner,
  type Replacement
} from "../../../layers/platform/replaceFolder.ts"
import * as files from "../../../layers/platform/stateFiles.ts"
import { isInUse } from "../../../layers/storage/folderUse.ts"
import { describeNewer, formatsFile, parseFormats } from "../../../layers/storage/formats.ts"
import { migrationsTable } from "../../../layers/storage/migrate.ts"
import { migrations } from "../../../layers/storage/migrations.ts"
import { attempt, copy } from "./attempt.ts"
import {
  BackupError,
  backupFormat,
  manifestName,
  ManifestText,
  type BackupManifest
} from "./BackupManifest.ts"
import { withDraft } from "./draftFolder.ts"

const damaged = (message: string) => new BackupError({ reason: "damaged", message })

/** Backups of the first version have no file of formats. */
const checkFormats = Effect.fnUntraced(function* (path: string) {
  if (!files.isPresent(path)) return
  const found = parseFormats(yield* attempt("read", path, () => files.readText(path)))
  if (found === undefined) return yield* damaged(`${path} is damaged. Use another backup.`)
  const newer = describeNewer(found)
  if (newer === undefined) return
  return yield* new BackupError({
    reason: "newer",
    message: `The backup ${newer}. Use that version to restore it.`
  })
})

/** Reads the manifest and compares the size and the SHA-256 of each file with it. */
export const verifyBackup = Effect.fn("Backup.verify")(function* (source: string) {
  const path = `${source}/${manifestName}`
  if (!files.isPresent(path)) {
    return yield* new BackupError({
      reason: "missing",
      message: `${source} is not a backup: it has no ${manifestName}.`
    })
  }
  const text = yield* attempt("read", path, () => files.readText(path))
  const manifest = yield* Effect.mapError(Schema.decodeEffect(ManifestText)(text), (error) =>
    damaged(`The manifest ${path} is damaged: ${error.message}`)
  )
  if (manifest.format > backupFormat || manifest.migration > migrations.length) {
    return yield* new BackupError({
      reason: "newer",
      message: `The backup was written by a newer version: ${manifest.version}. Use that version to restore it.`
    })
  }
  yield* checkFormats(`${source}/${formatsFile}`)
  for (const { path: name, sha256, size } of manifest.files) {
    const found = yield* attempt("read", `${source}/${name}`, () => files.digestOf(`${source}/${name}`))
    if (found.size !== size || found.sha256 !== sha256) {
      return yield* damaged(`The file ${source}/${name} differs from the manifest. Use another backup.`)
    }
  }
  return manifest
})

/** Whether the folder has state, which is moved aside by a restore. */
export const hasState = (dir: string) => attempt("read", dir, () => hasContents(dir))

const checkIdle = Effect.fnUntraced(function* (dir: string) {
  const inUse = yield* attempt(
    "read",
    dir,
    () => isInUse(dir) || isLogInUse(dir) || files.isDatabaseOpen(`${dir}/manifold.db`)
  )
  if (!inUse) return
  return yield* new BackupError({
    reason: "running",
    message: `A running process uses ${dir}. Stop the service and the AI clients that start manifold, then restore.`
  })
})

/** Copies the files of the backup to the new folder `draft`, and verifies the copies. */
const copyVerified = Effect.fnUntraced(function* (source: string, manifest: BackupManifest, draft: string) {
  for (const { path } of manifest.files) yield* copy(`${source}/${path}`, `${draft}/${path}`)
  for (const { path, sha256 } of manifest.files) {
    const found = yield* attempt("read", `${draft}/${path}`, () => files.digestOf(`${draft}/${path}`))
    if (found.sha256 !== sha256) return yield* damaged(`${source}/${path} changed while it was restored.`)
  }
  const database = `${draft}/manifold.db`
  if (!files.isPresent(database)) return
  const found = yield* attempt("read", database, () => files.migrationOf(database, migrationsTable))
  if (found !== manifest.migration) {
    return yield* damaged(`The database of ${source} differs from the manifest.`)
  }
  // Those of processes that ran when the backup was made: their turns and calls are over.
  yield* attempt("write", database, () => files.endLeases(database))
})

/**
 * Copies the verified backup to the state folder `dir`. Existing state is moved aside, never removed; the result is its new
 * path: beside `dir`, or in it if `dir` cannot be renamed, such as the mount point of a volume. As root, the owner of `dir` is
 * kept. A running service is refused. On an error `dir` is unchanged. Fails with `BackupError`.
 */
export const restoreBackup = Effect.fn("Backup.restore")(function* (
  source: string,
  manifest: BackupManifest,
  folder: string
) {
  const dir = yield* attempt("read", folder, () => files.realPath(folder))
  yield* checkIdle(dir)
  const time = yield* Clock.currentTimeMillis
  const isReplaced = yield* hasState(dir)
  const replace = ({ aside, draft, run }: Replacement) =>
    withDraft(
      draft,
      Effect.fnUntraced(function* (complete) {
        yield* copyVerified(source, manifest, draft)
        // A service may have been started meanwhile.
        yield* checkIdle(dir)
        const isDone = yield* attempt("write", dir, () => {
          keepOwner(draft, dir)
          return run(complete)
        })
        return isDone ? { aside: isReplaced ? aside : undefined } : undefined
      })
    )
  const beside = (yield* attempt("read", dir, () => isRenameable(dir)))
    ? yield* replace(besideFolder(dir, time))
    : undefined
  return (beside ?? (yield* replace(insideFolder(dir, time))))?.aside
})
