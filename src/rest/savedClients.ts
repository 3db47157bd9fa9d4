/** Connections on disk, so that they survive a restart: one encrypted file each, because they contain tokens. */
import { Effect, FileSystem, Redacted, Schema } from "effect"
import { Storage } from "../../layers/storage/Storage.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { ConnectRequest } from "./bodies.ts"

export const SavedClient = Schema.Struct({
  id: Schema.String,
  /** The key of the principal. */
  owner: Schema.String,
  request: ConnectRequest,
  /** Milliseconds since the epoch. */
  createdAt: Schema.Finite,
  lastActivity: Schema.Finite
})
export type SavedClient = typeof SavedClient.Type

const Json = Schema.fromJsonString(SavedClient)
const decode = Schema.decodeUnknownEffect(Json)
const encode = Schema.encodeEffect(Json)

const folder = "connections"
const extension = ".sealed"
/** AES-256-GCM with a random 96-bit nonce (NIST SP 800-38D, section 8.2.2). */
const nonceBytes = 12
const keyBytes = 32

/** A file that cannot be read or written costs a connection after a restart, never a request. */
const noted = <A, R>(what: string, effect: Effect.Effect<A, unknown, R>, otherwise: A) =>
  Effect.catchCause(effect, (cause) => Effect.as(Effect.logWarning(what, cause), otherwise))

export const make = Effect.gen(function* () {
  const fs = yield* FileSystem.FileSystem
  const storage = yield* Storage
  const ids = yield* Ids
  const key = yield* Effect.cached(
    Effect.flatMap(storage.key("connections", keyBytes), (secret) =>
      Effect.promise(() =>
        crypto.subtle.importKey("raw", new Uint8Array(Redacted.value(secret)), "AES-GCM", false, [
          "encrypt",
          "decrypt"
        ])
      )
    )
  )
  const fileOf = (id: string) => storage.path(folder, `${id}${extension}`)
  /** Binds the contents to their file name. */
  const algorithm = (id: string, iv: Uint8Array<ArrayBuffer>) => ({
    name: "AES-GCM",
    iv,
    additionalData: new TextEncoder().encode(id)
  })

  const write = Effect.fnUntraced(function* (client: SavedClient) {
    const { id } = client
    const text = yield* encode(client)
    const iv = yield* ids.secret(nonceBytes)
    const secret = yield* key
    const sealed = yield* Effect.promise(() =>
      crypto.subtle.encrypt(algorithm(id, iv), secret, new TextEncoder().encode(text))
    )
    const bytes = new Uint8Array(nonceBytes + sealed.byteLength)
    bytes.set(iv)
    bytes.set(new Uint8Array(sealed), nonceBytes)
    yield* fs.makeDirectory(storage.path(folder), { recursive: true, mode: 0o700 })
    const draft = `${fileOf(id)}.new`
    yield* fs.writeFile(draft, bytes, { mode: 0o600 })
    yield* fs.rename(draft, fileOf(id))
  })

  const read = Effect.fnUntraced(function* (id: string) {
    const bytes = yield* fs.readFile(fileOf(id))
    const secret = yield* key
    const iv = new Uint8Array(bytes.slice(0, nonceBytes))
    const text = yield* Effect.tryPromise(() =>
      crypto.subtle.decrypt(algorithm(id, iv), secret, new Uint8Array(bytes.slice(nonceBytes)))
    )
    return yield* decode(new TextDecoder().decode(text))
  })

  const remove = (id: string) => Effect.ignore(fs.remove(fileOf(id), { force: true }))
  /** None, if the file is not readable with the key: nothing can use it. */
  const readOrRemove = (id: string) =>
    Effect.map(read(id), (client) => [client]).pipe(Effect.catchCause(() => Effect.as(remove(id), [])))
  const names = fs
    .readDirectory(storage.path(folder))
    .pipe(
      Effect.catchTag("PlatformError", (error) =>
        error.reason._tag === "NotFound" ? Effect.succeed([]) : Effect.fail(error)
      )
    )

  return {
    save: (client: SavedClient) =>
      noted("a connection is lost at the next restart: it could not be saved", write(client), undefined),
    remove,
    /** All that can be read. */
    all: noted(
      "connections of the last run could not be read",
      Effect.gen(function* () {
        const files = (yield* names).filter((name) => name.endsWith(extension))
        if (files.length > 0) yield* key
        const found = yield* Effect.forEach(files, (name) => readOrRemove(name.slice(0, -extension.length)))
        return found.flat()
      }),
      []
    )
  }
})
export type SavedClients = Effect.Success<typeof make>
