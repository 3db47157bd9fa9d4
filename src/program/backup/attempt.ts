/** Access to files of a backup or of the state folder, with errors that name the file. */
import { Effect } from "effect"
import { describeSystemError } from "../../../layers/platform/describeFileError.ts"
import { copyFile, isPresent, isReadable } from "../../../layers/platform/stateFiles.ts"
import { BackupError } from "./BackupManifest.ts"

const reasons = { read: "unreadable", write: "unwritable" } as const

const failed = (what: "read" | "write", path: string, cause: unknown) =>
  new BackupError({
    reason: reasons[what],
    message: `Cannot ${what} ${path}: ${describeSystemError(cause)}.`
  })

export const attempt = <A>(what: "read" | "write", path: string, run: () => A) =>
  Effect.try({ try: run, catch: (cause) => failed(what, path, cause) })

/** Copies a file. A file that was removed since it was listed is left out if `mayBeAbsent`. */
export const copy = (from: string, to: string, mayBeAbsent = false) =>
  Effect.try({
    try: () => {
      try {
        copyFile(from, to)
      } catch (cause) {
        if (!mayBeAbsent || isPresent(from)) throw cause
      }
    },
    catch: (cause) => (isReadable(from) ? failed("write", to, cause) : failed("read", from, cause))
  })
