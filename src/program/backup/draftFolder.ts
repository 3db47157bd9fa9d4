/** Folder of a backup or a restore that is not complete yet. A lock in it shows whether a process writes it. */
import { Effect } from "effect"
import { fileLock, isLocked } from "../../../layers/platform/FileLock.ts"
import { markName } from "../../../layers/platform/replaceFolder.ts"
import * as files from "../../../layers/platform/stateFiles.ts"
import { attempt } from "./attempt.ts"
import { BackupError } from "./BackupManifest.ts"

/** Removes the draft of a process that was killed. Fails if the folder is no draft, or another process writes it. */
const removeAbandoned = Effect.fnUntraced(function* (path: string) {
  const mark = `${path}/${markName}`
  if (!files.isPresent(mark) && !files.isEmptyOrAbsent(path)) {
    return yield* new BackupError({
      reason: "exists",
      message: `${path} exists. Remove it if an interrupted backup or restore left it.`
    })
  }
  if (isLocked(mark)) {
    return yield* new BackupError({ reason: "running", message: `Another process writes ${path}.` })
  }
  files.removeFolder(path)
})

const open = Effect.fnUntraced(function* (path: string) {
  if (files.isPresent(path)) yield* removeAbandoned(path)
  return yield* attempt("write", path, () => {
    files.makeNewFolder(path)
    const lock = fileLock(`${path}/${markName}`)
    lock.tryLock()
    return lock
  })
})

/** Runs `use` with a new folder, which is removed if `use` has not renamed it. `complete`: removes the lock from it. */
export const withDraft = <A, E>(
  path: string,
  use: (complete: () => void) => Effect.Effect<A, E>
): Effect.Effect<A, E | BackupError> =>
  Effect.acquireUseRelease(
    open(path),
    (lock) => use(() => lock.remove()),
    (lock) =>
      Effect.sync(() => {
        lock.close()
        files.removeFolder(path)
      })
  )
