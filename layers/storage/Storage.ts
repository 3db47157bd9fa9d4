/** State folder, and the secret keys that are generated in it. */
import {
  Context,
  Effect,
  FileSystem,
  Layer,
  Path,
  Predicate,
  Redacted,
  Schedule,
  Schema,
  Scope,
  Semaphore
} from "effect"
import * as Hex from "effect/encoding/Hex"
import type { PlatformError } from "effect/PlatformError"
import { Identity } from "../../src/domain/Identity.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { isFull } from "../platform/freeSpace.ts"
import { Ids } from "../platform/Ids.ts"
import { userFolder } from "../platform/userFolders.ts"
import { describeNewer, formatsFile, formatsText, isOutdated, parseFormats } from "./formats.ts"
import { section } from "./section.ts"

const setting = "storage.dir (or MANIFOLD_STORAGE_DIR)"

export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  /** No home folder, no read or write permission, no space, a damaged file, or the folder of a newer version. */
  reason: Schema.Literals(["homeless", "unreadable", "unwritable", "full", "damaged", "newer"]),
  path: Schema.String,
  message: Schema.String
}) {}

const homeless = new StorageError({
  reason: "homeless",
  path: "",
  message: `No home folder for state. Set ${setting} to a folder.`
})

const unwritable = (path: string) => (error: PlatformError) =>
  new StorageError({
    reason: "unwritable",
    path,
    message: `Cannot write ${path}: ${describeFileError(error.reason)}. Set ${setting} to a writable folder.`
  })

const unreadable = (path: string) => (error: PlatformError) =>
  new StorageError({
    reason: "unreadable",
    path,
    message: `Cannot read ${path}: ${describeFileError(error.reason)}. Grant access, or set ${setting} to another folder.`
  })

/** Folder name from a server name: characters that are not allowed become `-`. */
const folderName = (server: string) =>
  server
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .slice(0, 64)
    .replace(/^[.-]+|[.-]+$/g, "") || "manifold"

const stateFolder = Effect.flatMap(Identity, ({ name }) =>
  Effect.filterOrFail(userFolder("state", folderName(name)), Predicate.isNotUndefined, () => homeless)
)

const whileUnwritable = {
  schedule: Schedule.min([Schedule.exponential("250 millis"), Schedule.spaced("15 seconds")]),
  while: ({ reason }: StorageError) => reason !== "newer" && reason !== "damaged"
}

export class Storage extends Context.Service<
  Storage,
  {
    /** Absolute path; created at the first write. */
    readonly dir: string
    /** A path inside `dir`. */
    readonly path: (...parts: ReadonlyArray<string>) => string
    /**
     * A persistent secret of `bytes` random bytes, generated at first use, also if several processes start at once. `name`:
     * letters, digits, `-`. Stored in `<dir>/keys`, mode 0600 in a folder of mode 0700.
     */
    readonly key: (name: string, bytes: number) => Effect.Effect<Redacted.Redacted<Uint8Array>, StorageError>
    /** The secret, if it was generated before. */
    readonly existingKey: (
      name: string,
      bytes: number
    ) => Effect.Effect<Redacted.Redacted<Uint8Array> | undefined, StorageError>
    /**
     * Makes `dir`, and shows other processes that this one uses it. To be run before each write of another file. Fails for the
     * folder of a newer version.
     */
    readonly prepare: Effect.Effect<void, StorageError>
    /** Fails for the folder of a newer version. */
    readonly check: Effect.Effect<void, StorageError>
    /** `check`; a folder that exists is prepared in the background, if it is writable. */
    readonly open: Effect.Effect<void, StorageError>
    /** Succeeds if `dir`, or its nearest existing parent, is writable and has some space. */
    readonly writable: Effect.Effect<void, StorageError>
  }
>()("manifold/storage/Storage") {
  static readonly layer = Layer.effect(
    Storage,
    Effect.gen(function* () {
      const fs = yield* FileSystem.FileSystem
      const paths = yield* Path.Path
      const ids = yield* Ids
      const config = yield* (yield* ConfigSource).read(section)
      const dir = paths.resolve(config.dir ?? (yield* stateFolder))
      const path = (...parts: ReadonlyArray<string>) => paths.join(dir, ...parts)

      /** The key's bytes, if it exists. */
      const find = Effect.fnUntraced(function* (file: string, bytes: number) {
        const found = yield* fs
          .readFile(file)
          .pipe(
            Effect.catchTag("PlatformError", (error) =>
              error.reason._tag === "NotFound" ? Effect.void : Effect.fail(unreadable(file)(error))
            )
          )
        if (!found || found.length === bytes) return found
        return yield* new StorageError({
          reason: "damaged",
          path: file,
          message:
            `The key ${file} has ${found.length} bytes instead of ${bytes}. Restore it from a backup, or remove it to ` +
            `generate a new one (data protected by the old key is lost).`
        })
      })

      const scope = yield* Effect.scope
      const formatsPath = path(formatsFile)

      /** The formats of the folder, if this program knows all of them. */
      const checkFormats = Effect.gen(function* () {
        const bytes = yield* fs
          .readFile(formatsPath)
          .pipe(
            Effect.catchTag("PlatformError", (error) =>
              error.reason._tag === "NotFound" ? Effect.void : Effect.fail(unreadable(formatsPath)(error))
            )
          )
        if (!bytes) return undefined
        const found = parseFormats(new TextDecoder().decode(bytes))
        if (found === undefined) {
          return yield* new StorageError({
            reason: "damaged",
            path: formatsPath,
            message:
              `${formatsPath} is damaged. Restore it from a backup, or remove it if no newer version than this one ` +
              "has used the folder."
          })
        }
        const newer = describeNewer(found)
        if (newer === undefined) return found
        return yield* new StorageError({
          reason: "newer",
          path: dir,
          message:
            `The state folder ${dir} ${newer}. Nothing was changed. Run that version, restore a backup that an older ` +
            `version made (manifold restore), or set ${setting} to another folder.`
        })
      })

      /** Replaces the file atomically. */
      const writeFormats = Effect.gen(function* () {
        const draft = path(`.${formatsFile}.${yield* ids.next}`)
        const write = Effect.scoped(
          Effect.flatMap(fs.open(draft, { flag: "wx", mode: 0o600 }), (opened) =>
            Effect.andThen(opened.writeAll(new TextEncoder().encode(formatsText())), opened.sync)
          )
        )
        yield* Effect.onError(Effect.andThen(write, fs.rename(draft, formatsPath)), () =>
          Effect.ignore(fs.remove(draft))
        )
      })

      const preparing = yield* Semaphore.make(1)
      let isPrepared = false
      const prepareNow = Effect.suspend(() =>
        isPrepared
          ? Effect.void
          : Effect.gen(function* () {
              if (isPrepared) return
              const found = yield* checkFormats
              yield* Effect.gen(function* () {
                yield* fs.makeDirectory(dir, { recursive: true, mode: 0o700 })
                if (found === undefined || isOutdated(found)) yield* writeFormats
              }).pipe(Effect.mapError(unwritable(dir)))
              const { markInUse } = yield* Effect.promise(() => import("./folderUse.ts"))
              yield* Scope.provide(markInUse(dir, yield* ids.next), scope)
              isPrepared = true
            }).pipe(Effect.uninterruptible, preparing.withPermit)
      )
      let isRepeated = false
      /** Prepares it in the background, again until it succeeds: a full disk gets space. */
      const prepareSoon = Effect.suspend(() => {
        if (isRepeated) return Effect.void
        isRepeated = true
        return Effect.forkIn(Effect.ignore(Effect.retry(prepareNow, whileUnwritable)), scope)
      })
      // Its caller may go on without it, and have space by then.
      const prepare = Effect.tapError(prepareNow, () => prepareSoon)
      const open = Effect.gen(function* () {
        yield* checkFormats
        if (yield* Effect.isSuccess(fs.stat(dir))) yield* prepareSoon
      })

      /** Writes the key to a temporary file and links it: atomic, and the first process wins. */
      const create = Effect.fnUntraced(function* (folder: string, file: string, bytes: number) {
        const secret = yield* ids.secret(bytes)
        yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
        // An existing folder may be readable by others.
        yield* fs.chmod(folder, 0o700)
        const unique = Hex.encode(yield* ids.secret(8))
        const draft = paths.join(folder, `.${paths.basename(file)}.${unique}`)
        const write = Effect.scoped(
          Effect.flatMap(fs.open(draft, { flag: "wx", mode: 0o600 }), (opened) =>
            Effect.andThen(opened.writeAll(secret), opened.sync)
          )
        )
        const link = Effect.catchTag(fs.link(draft, file), "PlatformError", (error) =>
          error.reason._tag === "AlreadyExists" ? Effect.void : Effect.fail(error)
        )
        yield* Effect.andThen(write, link).pipe(Effect.ensuring(Effect.ignore(fs.remove(draft))))
      })

      const key = Effect.fn("Storage.key")(function* (name: string, bytes: number) {
        if (!/^[a-z0-9][a-z0-9-]*$/.test(name))
          return yield* Effect.die(new Error(`invalid key name: ${name}`))
        const folder = path("keys")
        const file = paths.join(folder, name)
        const existing = yield* find(file, bytes)
        if (existing) return Redacted.make(existing, { label: name })
        yield* prepare
        yield* Effect.mapError(create(folder, file, bytes), unwritable(folder))
        const made = yield* find(file, bytes)
        if (made) return Redacted.make(made, { label: name })
        return yield* new StorageError({
          reason: "damaged",
          path: file,
          message: `The key ${file} disappeared after it was generated: another program removes files in ${folder}.`
        })
      })

      const existingKey = Effect.fn("Storage.existingKey")(function* (name: string, bytes: number) {
        const found = yield* find(path("keys", name), bytes)
        return found ? Redacted.make(found, { label: name }) : undefined
      })

      /** The folder, or its nearest parent that exists, if it is writable. */
      const accessible = (folder: string): Effect.Effect<string, PlatformError> =>
        fs.access(folder, { writable: true }).pipe(
          Effect.as(folder),
          Effect.catchTag("PlatformError", (error) => {
            const above = paths.dirname(folder)
            return error.reason._tag === "NotFound" && above !== folder
              ? accessible(above)
              : Effect.fail(error)
          })
        )
      const writable = Effect.gen(function* () {
        const folder = yield* Effect.mapError(accessible(dir), unwritable(dir))
        const full = yield* Effect.promise(() => isFull(folder).catch(() => false))
        if (!full) return
        return yield* new StorageError({
          reason: "full",
          path: dir,
          message: `The disk of ${dir} is full. Free some space, or set ${setting} to a folder on another disk.`
        })
      })

      return Storage.of({
        dir,
        path,
        key,
        existingKey,
        prepare,
        check: Effect.asVoid(checkFormats),
        open,
        writable
      })
    })
  )
}
