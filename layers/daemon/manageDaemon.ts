/** Installs, removes and queries the system service with the commands of the platform's service manager. */
import { Effect, FileSystem } from "effect"
import type { PlatformError } from "effect/PlatformError"
import * as ClientFile from "../clients/ClientFile.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { Environment } from "../platform/Environment.ts"
import { Machine } from "../platform/Machine.ts"
import { reasonOf, run } from "../platform/runProgram.ts"
import { homeFolder } from "../platform/userFolders.ts"
import type { Daemon, DaemonCommand, DaemonOptions, DaemonState } from "./Daemon.ts"
import { DaemonError } from "./DaemonError.ts"

/** Service managers read a unit as any user, and refuse one that others can write. */
const fileMode = 0o644

const runAll = Effect.fnUntraced(function* (commands: ReadonlyArray<DaemonCommand>) {
  for (const { argv, optional = false } of commands) {
    const outcome = yield* run(argv)
    if (outcome.code === 0 || optional) continue
    return yield* new DaemonError({
      reason: "failed",
      message: `\`${argv.join(" ")}\` failed: ${reasonOf(outcome)}.`
    })
  }
})

/** Fails with `unmanaged` if the service manager does not run. */
export const requireManager = Effect.fnUntraced(function* ({ manager, probe }: Daemon) {
  if (probe === undefined) return
  const outcome = yield* run(probe)
  if (outcome.code === 0) return
  return yield* new DaemonError({
    reason: "unmanaged",
    message: `${manager} cannot be used: ${reasonOf(outcome)}. Nothing was changed. \`--print\` prints the file, to install it yourself.`
  })
})

/** Folders that the system's service cannot read, because it runs as its own user and sees no homes. */
const hidden = /^\/(?:home|root|run\/user|tmp|var\/tmp)\//

/** Fails with `misplaced` if the system's service could not read the program or its configuration. */
export const requireReadable = Effect.fnUntraced(function* ({
  config,
  launch: { args, command }
}: Omit<DaemonOptions, "path">) {
  const { os } = yield* Machine
  const home = homeFolder(yield* Environment)
  if (os !== "linux") return
  const fs = yield* FileSystem.FileSystem
  for (const path of [command, ...args.slice(-1), ...(config === undefined ? [] : [config])]) {
    const real = yield* Effect.orElseSucceed(fs.realPath(path), () => path)
    if (!hidden.test(real) && (home === undefined || home === "/" || !real.startsWith(`${home}/`))) continue
    return yield* new DaemonError({
      reason: "misplaced",
      message:
        `The service runs as its own user, which cannot read ${real}. Move it to a place such as ` +
        `${path === config ? "/etc/manifold" : "/usr/local/bin"}, or pass --user.`
    })
  }
})

const orAbsent = <A, R>(effect: Effect.Effect<A, PlatformError, R>) =>
  Effect.catchTag(effect, "PlatformError", (error) =>
    error.reason._tag === "NotFound" ? Effect.undefined : Effect.fail(error)
  )

const unwritable = (file: string) => (error: PlatformError) =>
  new DaemonError({
    reason: "unwritable",
    message: `Cannot change ${file}: ${describeFileError(error.reason)}.`
  })

/** The text of the installed definition; undefined if there is none. */
export const installed = Effect.fnUntraced(function* ({ file }: Daemon) {
  const fs = yield* FileSystem.FileSystem
  return yield* Effect.mapError(orAbsent(fs.readFileString(file)), unwritable(file))
})

/** Writes the definition, then starts or restarts the service. Returns the path of a backup of the previous file. */
export const install = Effect.fnUntraced(function* (daemon: Daemon) {
  const fs = yield* FileSystem.FileSystem
  const { file, start, text } = daemon
  const before = yield* installed(daemon)
  let backup: string | undefined
  if (before !== text) {
    const bytes = before === undefined ? undefined : new TextEncoder().encode(before)
    backup = yield* ClientFile.write(
      { path: file, target: file, bytes, text: before ?? "", marked: false },
      text
    )
    yield* Effect.mapError(fs.chmod(file, fileMode), unwritable(file))
  }
  yield* runAll(start)
  return backup
})

/** Stops the service and removes its definition. */
export const remove = Effect.fnUntraced(function* ({ cleanUp, file, stop }: Daemon) {
  const fs = yield* FileSystem.FileSystem
  yield* runAll(stop)
  yield* Effect.mapError(orAbsent(fs.remove(file)), unwritable(file))
  yield* runAll(cleanUp)
})

export interface DaemonStatus {
  /** Whether the definition exists. */
  readonly installed: boolean
  readonly state: DaemonState
}

export const status = Effect.fnUntraced(function* (daemon: Daemon) {
  const text = yield* installed(daemon)
  const { stdout } = yield* run(daemon.query)
  return { installed: text !== undefined, state: daemon.readState(stdout) } satisfies DaemonStatus
})
