/** The system service of this platform, for this program and this user. */
import { Effect, Path } from "effect"
import { Environment } from "../platform/Environment.ts"
import { Machine } from "../platform/Machine.ts"
import { homeFolder, userFolderOn } from "../platform/userFolders.ts"
import type { Daemon, DaemonOptions } from "./Daemon.ts"
import { DaemonError } from "./DaemonError.ts"
import { launchdAgent } from "./launchdAgent.ts"
import { scheduledTask } from "./scheduledTask.ts"
import { systemdUnit } from "./systemdUnit.ts"

const unsupported = (message: string) => new DaemonError({ reason: "unsupported", message })

const homeless = unsupported("No home folder, so there is no place for a service of this user. Set HOME.")

export interface Find {
  /** A service of this user instead of one of the system. */
  readonly user: boolean
  /** Absolute path of a configuration file. */
  readonly config: string | undefined
}

type Services = Environment | Machine | Path.Path

/** Fails with `unsupported` if this platform has no service of this kind. Reads and changes nothing. */
export const findDaemon = Effect.fnUntraced(function* ({
  config,
  user
}: Find): Effect.fn.Return<Daemon, DaemonError, Services> {
  const { launch, os, uid } = yield* Machine
  const environment = yield* Environment
  const { join } = yield* Path.Path
  const path = environment.get("PATH")
  const options: DaemonOptions = { launch, config, path: user && path !== "" ? path : undefined }
  const state =
    [environment.get("MANIFOLD_STORAGE_DIR"), userFolderOn(os, "state", environment.get)].find(
      (folder) => folder !== undefined && folder !== ""
    ) ?? ""
  const home = homeFolder(environment)
  switch (os) {
    case "linux": {
      if (!user) {
        return systemdUnit(options, { folder: "/etc/systemd/system", user, state: "/var/lib/manifold" })
      }
      const units = userFolderOn(os, "config", environment.get, "systemd")
      if (units === undefined) return yield* homeless
      return systemdUnit(options, { folder: join(units, "user"), user, state })
    }
    case "darwin": {
      if (!user) {
        return yield* unsupported("On macOS the service belongs to a user and starts at login. Pass --user.")
      }
      if (home === undefined || uid === undefined) return yield* homeless
      return launchdAgent(options, { home, uid, state })
    }
    case "win32": {
      const name = environment.get("USERNAME")
      const folder = user ? environment.get("LOCALAPPDATA") : environment.get("ProgramData")
      if (folder === undefined || (user && name === undefined)) return yield* homeless
      const domain = environment.get("USERDOMAIN")
      return scheduledTask(options, {
        folder: `${folder}\\manifold`,
        user: user ? `${domain === undefined ? "" : `${domain}\\`}${name}` : undefined,
        state: user ? state : "C:\\Windows\\ServiceProfiles\\LocalService\\AppData\\Local\\manifold"
      })
    }
    default:
      return yield* unsupported(
        `There is no service manager that this command knows on ${os}. Start \`manifold serve --http\` with the one of the system.`
      )
  }
})
