/** Copies `events.jsonl` and its segments while other processes write: under the lock, so that each line is whole. */
import { Effect } from "effect"
import { namesIn, statOf } from "../../platform/LogFile.ts"
import { isLocked } from "../../platform/FileLock.ts"
import { copyFile } from "../../platform/stateFiles.ts"
import { LogLock } from "./LogLock.ts"

const logName = /^events(?:-\d{6,})?\.jsonl$|^events\.quarantine$/

/** Whether a file of the state folder belongs to the log or its locks. */
export const isLogFile = (path: string): boolean =>
  path.startsWith("events.") || /^events-\d{6,}\.jsonl/.test(path)

/** Whether a process that has run a turn since its start is alive. */
export const isLogInUse = (folder: string): boolean =>
  statOf(`${folder}/events.owners`) !== undefined &&
  namesIn(`${folder}/events.owners`).some((name) => isLocked(`${folder}/events.owners/${name}`))

/** Writers wait until the copy is made, at most 10 s. Fails with `ChatStoreError`. */
export const copyLog = (folder: string, target: string) => {
  if (statOf(`${folder}/events.jsonl`) === undefined) return Effect.void
  return Effect.acquireUseRelease(
    Effect.sync(() => new LogLock(`${folder}/events.lock`, () => {})),
    (lock) =>
      lock.run("copied", () => {
        for (const name of namesIn(folder)) {
          if (logName.test(name)) copyFile(`${folder}/${name}`, `${target}/${name}`)
        }
      }),
    (lock) => Effect.sync(() => lock.close())
  )
}
