/** The folder that holds all state, and the keys that are made in it once. */
import { Context, Effect, FileSystem, Layer, Path, Predicate, Redacted, Schema } from "effect"
import * as Hex from "effect/encoding/Hex"
import type { PlatformError } from "effect/PlatformError"
import { Identity } from "../../src/domain/Identity.ts"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Ids } from "../platform/Ids.ts"
import { userFolder } from "../platform/userFolders.ts"
import { section } from "./section.ts"

const setting = "storage.dir (or MANIFOLD_STORAGE_DIR)"

export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  /** No folder to be had, one that cannot be read or written, or a key that is not what was written. */
  reason: Schema.Literals(["homeless", "unreadable", "unwritable", "damaged"]),
  path: Schema.String,
  message: Schema.String
}) {}

const homeless = new StorageError({
  reason: "homeless",
  path: "",
  message: `this user has no home folder to keep state in: set ${setting} to a folder`
})

const unwritable = (path: string) => (error: PlatformError) =>
  new StorageError({
    reason: "unwritable",
    path,
    message: `cannot write ${path} (${error.reason._tag}): set ${setting} to a folder that this user may write`
  })

const unreadable = (path: string) => (error: PlatformError) =>
  new StorageError({
    reason: "unreadable",
    path,
    message: `cannot read ${path} (${error.reason._tag}): let this user read it, or set ${setting} to another folder`
  })

/** A server's name as the name of a folder: characters that are not allowed in one become `-`. */
const folderName = (server: string) =>
  server
    .replace(/[^\p{L}\p{N}._-]+/gu, "-")
    .slice(0, 64)
    .replace(/^[.-]+|[.-]+$/g, "") || "manifold"

const stateFolder = Effect.flatMap(Identity, ({ name }) =>
  Effect.filterOrFail(userFolder("state", folderName(name)), Predicate.isNotUndefined, () => homeless)
)

export class Storage extends Context.Service<
  Storage,
  {
    /** Absolute. It may not exist yet: it is made when something is first stored. */
    readonly dir: string
    /** A path inside `dir`. */
    readonly path: (...parts: ReadonlyArray<string>) => string
    /**
     * The secret of `bytes` random bytes called `name` (letters, digits, `-`), made when first asked for and the same
     * ever after, also for processes that ask at the same time. In `<dir>/keys`, mode 0600 in a folder of mode 0700.
     */
    readonly key: (name: string, bytes: number) => Effect.Effect<Redacted.Redacted<Uint8Array>, StorageError>
    /** Succeeds if something could be stored now: `dir`, or the nearest folder above it that exists, can be written. */
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
            `the key ${file} has ${found.length} bytes instead of ${bytes}: restore it from a backup, or remove it ` +
            `to have a new one made (what the old one protects is lost)`
        })
      })

      /** Writes a whole key beside its place and links it there: the first process wins, none sees half a key. */
      const create = Effect.fnUntraced(function* (folder: string, file: string, bytes: number) {
        const secret = yield* ids.secret(bytes)
        yield* fs.makeDirectory(folder, { recursive: true, mode: 0o700 })
        // It may have been there before, open to others.
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
          return yield* Effect.die(new Error(`not a key's name: ${name}`))
        const folder = path("keys")
        const file = paths.join(folder, name)
        const existing = yield* find(file, bytes)
        if (existing) return Redacted.make(existing, { label: name })
        yield* Effect.mapError(create(folder, file, bytes), unwritable(folder))
        const made = yield* find(file, bytes)
        if (made) return Redacted.make(made, { label: name })
        return yield* new StorageError({
          reason: "damaged",
          path: file,
          message: `the key ${file} disappeared while it was made: something else empties ${folder}`
        })
      })

      const accessible = (folder: string): Effect.Effect<void, PlatformError> =>
        Effect.catchTag(fs.access(folder, { writable: true }), "PlatformError", (error) => {
          const above = paths.dirname(folder)
          return error.reason._tag === "NotFound" && above !== folder ? accessible(above) : Effect.fail(error)
        })
      const writable = Effect.mapError(accessible(dir), unwritable(dir))

      return Storage.of({ dir, path, key, writable })
    })
  )
}
