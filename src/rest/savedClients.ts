/** Connections on disk, so that they survive a restart: one encrypted file each, because they contain tokens. */
import { Effect, Schema } from "effect"
import * as sealedFiles from "../../layers/storage/sealedFiles.ts"
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

/** A file that cannot be read or written costs a connection after a restart, never a request. */
const noted = <A, R>(what: string, effect: Effect.Effect<A, unknown, R>, otherwise: A) =>
  Effect.catchCause(effect, (cause) => Effect.as(Effect.logWarning(what, cause), otherwise))

export const make = Effect.gen(function* () {
  const files = yield* sealedFiles.make("connections", "connections")
  const write = (client: SavedClient) =>
    Effect.flatMap(encode(client), (text) => files.write(client.id, text))
  /** None, if the file is not readable with the key: nothing can use it. */
  const readOrRemove = (id: string) =>
    files.read(id).pipe(
      Effect.flatMap((text) => decode(text)),
      Effect.map((client) => [client]),
      Effect.catchIf(
        (error) => error._tag !== "SealedFileError" || error.reason !== "unreadable",
        () => Effect.as(files.remove(id), [])
      )
    )
  return {
    save: (client: SavedClient) =>
      noted("a connection is lost at the next restart: it could not be saved", write(client), undefined),
    remove: files.remove,
    /** All that can be read. */
    all: noted(
      "connections of the last run could not be read",
      Effect.gen(function* () {
        const found = yield* Effect.forEach(yield* files.names, readOrRemove)
        return found.flat()
      }),
      []
    )
  }
})
export type SavedClients = Effect.Success<typeof make>
