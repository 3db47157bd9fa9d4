/**
 * Copies `events.jsonl` and its segments while other processes write. Sealed segments are copied without the lock, and again
 * if one was changed meanwhile; the lock is held for the copy of `events.jsonl`, so that each line is whole.
 */
import { Effect } from "effect"
import { isLocked } from "../../platform/FileLock.ts"
import { namesIn, removeFile, statOf } from "../../platform/LogFile.ts"
import { copyBytes, fingerprintOf, syncFile } from "../../platform/stateFiles.ts"
import type { ChatStoreError } from "../ChatStore.ts"
import { LogLock, unavailable } from "./LogLock.ts"

const activeName = "events.jsonl"
const sealedName = /^events-\d{6,}\.jsonl$|^events\.quarantine$/

/** Copies of changed segments without the lock; what is changed after them is copied under it. */
const maxRounds = 5

/** Whether a file of the state folder belongs to the log or its locks. */
export const isLogFile = (path: string): boolean =>
  path.startsWith("events.") || /^events-\d{6,}\.jsonl/.test(path)

/** Whether a process that has run a turn since its start is alive. */
export const isLogInUse = (folder: string): boolean =>
  statOf(`${folder}/events.owners`) !== undefined &&
  namesIn(`${folder}/events.owners`).some((name) => isLocked(`${folder}/events.owners/${name}`))

/** Copies of sealed segments, each with the fingerprint that its file had before it was copied. */
const sealedCopies = (folder: string, target: string) => {
  const copied = new Map<string, string>()
  const changed = () =>
    namesIn(folder).filter(
      (name) => sealedName.test(name) && fingerprintOf(`${folder}/${name}`) !== copied.get(name)
    )
  const copy = (name: string) => {
    const fingerprint = fingerprintOf(`${folder}/${name}`)
    if (fingerprint === undefined) return
    try {
      copyBytes(`${folder}/${name}`, `${target}/${name}`)
      copied.set(name, fingerprint)
    } catch (cause) {
      // Removed since it was listed.
      if (fingerprintOf(`${folder}/${name}`) !== undefined) throw cause
    }
  }
  const removeObsolete = () => {
    const present = new Set(namesIn(folder))
    for (const name of [...copied.keys()].filter((each) => !present.has(each))) {
      removeFile(`${target}/${name}`)
      copied.delete(name)
    }
  }
  return { changed, copied, copy, removeObsolete }
}

/** Writers wait while `events.jsonl` is copied, at most 10 s. Fails with `ChatStoreError`. */
export const copyLog = (folder: string, target: string): Effect.Effect<void, ChatStoreError> => {
  // While `events.jsonl` is sealed there is none for an instant.
  if (!namesIn(folder).some(isLogFile)) return Effect.void
  const sealed = sealedCopies(folder, target)
  const copied: Array<string> = []
  const attempt = (run: () => void) =>
    Effect.try({ try: run, catch: (cause) => unavailable("copied", cause) })
  /** Under the lock. False: segments must be copied first. */
  const copyActive = (isLast: boolean) => {
    const changed = sealed.changed()
    if (changed.length > 0 && !isLast) return false
    for (const name of changed) sealed.copy(name)
    sealed.removeObsolete()
    const active = `${folder}/${activeName}`
    if (statOf(active) !== undefined) {
      copyBytes(active, `${target}/${activeName}`)
      copied.push(activeName)
    }
    return true
  }
  return Effect.acquireUseRelease(
    Effect.sync(() => new LogLock(`${folder}/events.lock`, () => {})),
    Effect.fnUntraced(function* (lock) {
      for (let round = 1, isDone = false; !isDone; round++) {
        for (const name of sealed.changed()) {
          yield* attempt(() => sealed.copy(name))
          yield* Effect.yieldNow
        }
        isDone = yield* lock.run("copied", () => copyActive(round >= maxRounds))
      }
      yield* attempt(() => {
        for (const name of [...copied, ...sealed.copied.keys()]) syncFile(`${target}/${name}`)
      })
    }),
    (lock) => Effect.sync(() => lock.close())
  )
}
