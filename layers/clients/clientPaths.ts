/** Paths of MCP clients' configuration files on each platform. */
import { Effect, FileSystem, Path } from "effect"
import { Environment } from "../platform/Environment.ts"
import { Machine } from "../platform/Machine.ts"
import { ClientFileError } from "./ClientFileError.ts"
import type { Client, Folders } from "./clients.ts"

const homeless = new ClientFileError({
  reason: "homeless",
  path: "",
  message: "No home folder, so client configurations cannot be found. Set HOME."
})

/** The value of a variable; empty counts as not set. */
const variable = (environment: Environment["Service"], name: string) => {
  const value = environment.get(name) ?? ""
  return value === "" ? undefined : value
}

/** The folders of the current user. */
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
    // A relative XDG_CONFIG_HOME is ignored (XDG Base Directory Specification).
    const applications =
      moved !== undefined && isAbsolute(moved) && os !== "darwin"
        ? moved
        : join(home, ...(usual ?? [".config"]))
    return { home, applications, claude }
  }
)

/** Whether there are traces of the client on this machine. */
export const isInstalled = Effect.fnUntraced(function* (client: Client) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const traces = client.traces(yield* folders)
  const found = yield* Effect.forEach(traces, (parts) =>
    Effect.orElseSucceed(fs.exists(join(...parts)), () => false)
  )
  return found.includes(true)
})

/** Path of the client's file for this user, or for a project folder; `undefined` if it has none. */
export const fileOf = Effect.fnUntraced(function* (client: Client, project?: string) {
  const { join } = yield* Path.Path
  if (project === undefined) return join(...client.file(yield* folders))
  return client.project && join(project, ...client.project)
})
