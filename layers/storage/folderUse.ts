/** Shows other processes that this one uses the state folder: by a locked file, which the kernel unlocks when the process ends. */
import { Effect, type Scope } from "effect"
import { fileLock, isLocked } from "../platform/FileLock.ts"
import { namesIn, statOf } from "../platform/LogFile.ts"
import { inUsePrefix } from "../platform/replaceFolder.ts"

/** Whether a living process has marked the folder. Throws the errors of the system. */
export const isInUse = (dir: string): boolean =>
  statOf(dir) !== undefined &&
  // Asks for each, so that all files of killed processes are removed.
  namesIn(dir).filter((name) => name.startsWith(inUsePrefix) && isLocked(`${dir}/${name}`)).length > 0

/** Until the scope closes. `id`: unique among processes. A folder that cannot be written is not marked. */
export const markInUse = (dir: string, id: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.ignore(
    Effect.acquireRelease(
      Effect.try({
        try: () => {
          try {
            // Removes the files of processes that were killed.
            isInUse(dir)
          } catch {
            // Another user has left one.
          }
          const lock = fileLock(`${dir}/${inUsePrefix}${id}`)
          lock.tryLock()
          return lock
        },
        catch: () => "unwritable" as const
      }),
      (lock) => Effect.sync(() => lock.remove())
    )
  )
