/** Encrypted files of one folder in the state folder, for data with secrets: AES-256-GCM, bound to the name of the file. */
import { Clock, Effect, FileSystem, Schema } from "effect"
import { Ids } from "../platform/Ids.ts"
import * as sealing from "./sealing.ts"
import { Storage } from "./Storage.ts"

const extension = ".sealed"

/** Delay between two attempts to take a lock, how often it is attempted, and the age at which a lock is abandoned. */
const lockDelay = "50 millis"
const lockAttempts = 600
const abandonedAfter = 60_000
/** Attempts without a lock file, after which the folder counts as not writable. */
const missingAttempts = 3

export class SealedFileError extends Schema.TaggedError<SealedFileError>()("SealedFileError", {
  /** `damaged`: encrypted with another key, truncated, or the file of another name. */
  reason: Schema.Literals(["unreadable", "damaged", "unwritable"]),
  message: Schema.String
}) {}

const failed =
  (reason: SealedFileError["reason"], what: string) =>
  (cause: unknown): SealedFileError =>
    new SealedFileError({
      reason,
      message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`
    })

/** `folder`: in the state folder. `keyName`: name of the key in `Storage.key`, generated at the first use. */
export const make = Effect.fnUntraced(function* (folder: string, keyName: string) {
  const fs = yield* FileSystem.FileSystem
  const storage = yield* Storage
  const ids = yield* Ids
  const cipher = yield* Effect.cached(
    Effect.flatMap(storage.key(keyName, sealing.keyBytes), (secret) =>
      Effect.provideService(sealing.make(secret), Ids, ids)
    )
  )
  const fileOf = (name: string) => storage.path(folder, `${name}${extension}`)
  const folderMade = Effect.andThen(
    storage.prepare,
    fs.makeDirectory(storage.path(folder), { recursive: true, mode: 0o700 })
  )

  const write = Effect.fn("SealedFiles.write")(
    function* (name: string, text: string) {
      const bytes = yield* (yield* cipher).seal(name, text)
      yield* folderMade
      const draft = `${fileOf(name)}.${yield* ids.next}`
      yield* fs.writeFile(draft, bytes, { mode: 0o600 }).pipe(
        Effect.andThen(fs.rename(draft, fileOf(name))),
        Effect.onError(() => Effect.ignore(fs.remove(draft)))
      )
    },
    Effect.mapError(failed("unwritable", `a file of ${folder} cannot be written`))
  )

  const read = Effect.fn("SealedFiles.read")(function* (name: string) {
    const bytes = yield* fs
      .readFile(fileOf(name))
      .pipe(
        Effect.catchTag("PlatformError", (error) =>
          error.reason._tag === "NotFound"
            ? Effect.void
            : Effect.fail(failed("unreadable", `a file of ${folder} cannot be read`)(error))
        )
      )
    if (!bytes) return undefined
    const { open } = yield* Effect.mapError(
      cipher,
      failed("unreadable", `the key of ${folder} cannot be read`)
    )
    return yield* Effect.mapError(
      open(name, bytes),
      () => new SealedFileError({ reason: "damaged", message: `a file of ${folder} is damaged` })
    )
  })

  const lockOf = (name: string) => `${fileOf(name)}.lock`
  const acquire = Effect.fnUntraced(function* (name: string) {
    yield* Effect.ignore(folderMade)
    for (let attempt = 0; attempt < lockAttempts; attempt++) {
      const taken = yield* Effect.option(fs.writeFileString(lockOf(name), "", { flag: "wx", mode: 0o600 }))
      if (taken._tag === "Some") return true
      const now = yield* Clock.currentTimeMillis
      const age = yield* fs.stat(lockOf(name)).pipe(
        Effect.map(({ mtime }) => (mtime._tag === "Some" ? now - mtime.value.getTime() : 0)),
        Effect.option
      )
      // The folder is not writable.
      if (age._tag === "None" && attempt >= missingAttempts) return false
      if (age._tag === "Some" && age.value > abandonedAfter) yield* Effect.ignore(fs.remove(lockOf(name)))
      else yield* Effect.sleep(lockDelay)
    }
    return false
  })

  return {
    /** Path of the file, to watch it. */
    fileOf,
    /** Replaces the file atomically. */
    write,
    /** `undefined` without a file. */
    read,
    remove: (name: string) => Effect.ignore(fs.remove(fileOf(name), { force: true })),
    /** Names of all files; empty without the folder. */
    names: fs.readDirectory(storage.path(folder)).pipe(
      Effect.map((files) =>
        files.filter((file) => file.endsWith(extension)).map((file) => file.slice(0, -extension.length))
      ),
      Effect.catchTag("PlatformError", (error) =>
        error.reason._tag === "NotFound"
          ? Effect.succeed<ReadonlyArray<string>>([])
          : Effect.fail(failed("unreadable", `the folder ${folder} cannot be read`)(error))
      )
    ),
    /** Runs the effect while no other process does so for the same name. Without a writable folder it runs unlocked. */
    locked: <A, E, R>(name: string, effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        acquire(name),
        () => effect,
        (taken) => (taken ? Effect.ignore(fs.remove(lockOf(name), { force: true })) : Effect.void)
      )
  }
})
export type SealedFiles = Effect.Success<ReturnType<typeof make>>
