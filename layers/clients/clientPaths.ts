/** Where a user's clients keep their files, on each platform. */
import { Effect, FileSystem, Path } from "effect"
import { Environment } from "../platform/Environment.ts"
import { Machine } from "../platform/Machine.ts"
import { ClientFileError } from "./ClientFileError.ts"
import type { Client, Folders } from "./clients.ts"

const homeless = new ClientFileError({
  reason: "homeless",
  path: "",
  message: "this user has no home folder, so no client's configuration can be found: set HOME"
})

/** A variable's value; empty counts as not set. */
const variable = (environment: Environment["Service"], name: string) => {
  const value = environment.get(name) ?? ""
  return value === "" ? undefined : value
}

/** The folders of the user whom the environment names. */
export const folders: Effect.Effect<Folders, ClientFileError, Environment | Machine | Path.Path> = Effect.gen(
  function* () {
    const { os } = yield* Machine
    const environment = yield* Environment
    const { isAbsolute, join } = yield* Path.Path
    const home = variable(environment, os === "win32" ? "USERPROFILE" : "HOME")
    if (home === undefined) return yield* homeless
    const claude = variable(environment, "CLAUDE_CONFIG_DIR")
    const moved = variable(environment, os === "win32" ? "APPDATA" : "XDG_CONFIG_HOME")
    const usual = { win32: ["AppData", "Roaming"], darwin: ["Library", "Application Support"] }[os]
    // A relative XDG_CONFIG_HOME is to be ignored (XDG Base Directory Specification).
    const applications =
      moved !== undefined && isAbsolute(moved) && os !== "darwin"
        ? moved
        : join(home, ...(usual ?? [".config"]))
    return { home, applications, claude }
  }
)

/** Whether the client seems to have been used on this machine. */
export const isInstalled = Effect.fnUntraced(function* (client: Client) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const traces = client.traces(yield* folders)
  const found = yield* Effect.forEach(traces, (parts) =>
    Effect.orElseSucceed(fs.exists(join(...parts)), () => false)
  )
  return found.includes(true)
})

/** The path of the client's file for this user, or for the project in a folder; `undefined` where it has none. */
export const fileOf = Effect.fnUntraced(function* (client: Client, project?: string) {
  const { join } = yield* Path.Path
  if (project === undefined) return join(...client.file(yield* folders))
  return client.project && join(project, ...client.project)
})
