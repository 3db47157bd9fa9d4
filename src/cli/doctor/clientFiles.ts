/** Finds installed AI clients, and checks that the files named in their manifold entry exist. */
import { Effect, FileSystem, Path, Predicate } from "effect"
import * as ClientFile from "../../../layers/clients/ClientFile.ts"
import { type Client, clients } from "../../../layers/clients/clients.ts"
import { entryProblems } from "../../../layers/clients/entryProblems.ts"
import * as Places from "../../../layers/clients/clientPaths.ts"
import type { Environment } from "../../../layers/platform/Environment.ts"
import type { Machine } from "../../../layers/platform/Machine.ts"
import { type Check, type Finding, messageOf, ok, warn } from "./Check.ts"

/** Absolute paths in an entry that do not exist. A bare command is looked up by the client. */
const missing = Effect.fnUntraced(function* (entry: unknown) {
  const fs = yield* FileSystem.FileSystem
  const { isAbsolute } = yield* Path.Path
  if (!Predicate.isObject(entry)) return []
  const args: unknown = Reflect.get(entry, "args")
  const env: unknown = Reflect.get(entry, "env")
  const named = [
    Reflect.get(entry, "command"),
    ...(Array.isArray(args) ? args : []),
    Predicate.isObject(env) ? Reflect.get(env, "MCP_CONFIG_PATH") : undefined
  ].filter((each) => typeof each === "string" && isAbsolute(each))
  return yield* Effect.filter(named, (path) => Effect.map(fs.exists(path), (there) => !there))
})

const look = Effect.fnUntraced(function* (client: Client) {
  const { id, title } = client
  if (!(yield* Places.isInstalled(client))) return ok(`${title} was not found`)
  const path = (yield* Places.fileOf(client)) ?? ""
  const file = yield* ClientFile.read(client, path)
  const servers = yield* ClientFile.servers(client, file)
  const entry = Object.hasOwn(servers, "manifold") ? servers["manifold"] : undefined
  if (entry === undefined) return ok(`${title} does not have manifold. To add it: manifold install ${id}`)
  const [gone] = yield* missing(entry)
  const problems = [
    ...(gone === undefined ? entryProblems(entry) : [`starts ${gone}, which does not exist`]),
    ...(file.marked ? [`may not be able to read ${path}, which starts with a byte order mark`] : [])
  ]
  return problems.length === 0
    ? ok(`${title} has manifold`)
    : warn(`${title} ${problems.join("; ")}. To fix it: manifold install ${id}`)
})

export const clientFiles: Check<Environment | FileSystem.FileSystem | Machine | Path.Path> = {
  name: "clients",
  run: Effect.forEach(clients, (client) =>
    look(client).pipe(
      Effect.catch((error) => Effect.succeed<Finding>(warn(`${client.title}: ${messageOf(error)}`)))
    )
  )
}
