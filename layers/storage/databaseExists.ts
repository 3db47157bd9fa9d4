/** Finds out whether there is a database to check, without creating one. */
import { Effect, FileSystem } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { section } from "./section.ts"
import { Storage } from "./Storage.ts"

export const databaseExists = Effect.gen(function* () {
  const { postgres_url } = yield* (yield* ConfigSource).read(section)
  const { path } = yield* Storage
  return postgres_url !== undefined || (yield* (yield* FileSystem.FileSystem).exists(path("manifold.db")))
})
