/** Restores a backup into the state folder, after everything in it was checked. */
import { Clock, Effect, Schema } from "effect"
import { isLogInUse } from "../../../layers/chat/jsonl/copyLog.ts"
import * as files from "../../../layers/platform/stateFiles.ts"
import { migrationsTable } from "../../../layers/storage/migrate.ts"
import { migrations } from "../../../layers/storage/migrations.ts"
import {
  BackupError,
  backupFormat,
  manifestName,
  ManifestText,
  type BackupManifest
} from "./BackupManifest.ts"
import { attempt } from "./createBackup.ts"

const damaged = (message: string) => new BackupError({ reason: "damaged", message })

/** Reads the manifest and compares the size and the SHA-256 of each file with it. */
export const verifyBackup = Effect.fn("Backup.verify")(function* (source: string) {
  const path = `${source}/${manifestName}`
  if (!files.isPresent(path)) {
    return yield* new BackupError({
      reason: "missing",
      message: `${source} is not a backup: it has no ${manifestName}.`
    })
  }
  const text = yield* attempt(`read ${path}`, () => files.readText(path))
  const manifest = yield* Effect.mapError(Schema.decodeEffect(ManifestText)(text), (error) =>
    damaged(`The manifest ${path} is damaged: ${error.message}`)
  )
  if (manifest.format > backupFormat || manifest.migration > migrations.length) {
    return yield* new BackupError({
      reason: "newer",
      message: `The backup was written by a newer version: ${manifest.version}. Use that version to restore it.`
    })
  }
  for (const { path: name, sha256, size } of manifest.files) {
    const found = yield* attempt(`read ${source}/${name}`, () => files.digestOf(`${source}/${name}`))
    if (found.size !== size || found.sha256 !== sha256) {
      return yield* damaged(`The file ${source}/${name} differs from the manifest. Use another backup.`)
    }
  }
  return manifest
})

/** Whether the folder has state, which is moved aside by a restore. */
export const hasState = (dir: string) => attempt(`read ${dir}`, () => !files.isEmptyOrAbsent(dir))

/**
 * Copies the verified backup to the state folder `dir`. Existing state is moved aside, never removed; the result is its new
 * path. A running service is refused. On an error `dir` is unchanged.
 */
export const restoreBackup = Effect.fn("Backup.restore")(function* (
  source: string,
  manifest: BackupManifest,
  dir: string
) {
  const inUse = yield* attempt(
    `check ${dir}`,
    () => isLogInUse(dir) || files.isDatabaseOpen(`${dir}/manifold.db`)
  )
  if (inUse) {
    return yield* new BackupError({
      reason: "running",
      message: `A running process uses ${dir}. Stop the service, then restore.`
    })
  }
  const draft = `${dir}.partial`
  const aside = `${dir}.before-restore-${yield* Clock.currentTimeMillis}`
  yield* attempt(`write ${draft}`, () => files.makeNewFolder(draft))
  const write = Effect.gen(function* () {
    yield* attempt(`write ${draft}`, () => {
      for (const { path } of manifest.files) files.copyFile(`${source}/${path}`, `${draft}/${path}`)
    })
    for (const { path, sha256 } of manifest.files) {
      const found = yield* attempt(`read ${draft}/${path}`, () => files.digestOf(`${draft}/${path}`))
      if (found.sha256 !== sha256) return yield* damaged(`${source}/${path} changed while it was restored.`)
    }
    const database = `${draft}/manifold.db`
    if (files.isPresent(database)) {
      const found = yield* attempt(`read ${database}`, () => files.migrationOf(database, migrationsTable))
      if (found !== manifest.migration)
        return yield* damaged(`The database of ${source} differs from the manifest.`)
    }
    return yield* attempt(`write ${dir}`, () => {
      const isMoved = files.isPresent(dir)
      if (isMoved) files.move(dir, aside)
      try {
        files.move(draft, dir)
      } catch (cause) {
        if (isMoved) files.move(aside, dir)
        throw cause
      }
      return isMoved ? aside : undefined
    })
  })
  return yield* Effect.onExit(write, (exit) =>
    exit._tag === "Success" ? Effect.void : Effect.sync(() => files.removeFolder(draft))
  )
})
