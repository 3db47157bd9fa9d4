/** `manifold service install`: writes the definition of the service, and starts it. */
import { Console, Effect, FileSystem } from "effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { ConfigFile, namedFile } from "../../../layers/config/ConfigDocument.ts"
import type { Daemon } from "../../../layers/daemon/Daemon.ts"
import { findDaemon } from "../../../layers/daemon/findDaemon.ts"
import * as manage from "../../../layers/daemon/manageDaemon.ts"
import { confirm } from "../confirm.ts"
import { durableMachine } from "../durableMachine.ts"
import { colorize } from "../terminalColors.ts"
import { UsageError } from "../UsageError.ts"
import { dryRunFlag, requireRoot, userFlag, yesFlag } from "./userFlag.ts"

/** Absolute path of the file of `--config`, which must exist. */
const configFile = Effect.gen(function* () {
  if ((yield* ConfigFile) === undefined) return undefined
  const file = yield* namedFile
  if (file !== undefined && (yield* (yield* FileSystem.FileSystem).exists(file))) return file
  return yield* new UsageError({ detail: `Configuration file ${file} does not exist` })
})

const show = Effect.fnUntraced(function* ({ file, start, text }: Daemon, before: string | undefined) {
  const style = yield* colorize
  const changed =
    before === text ? " (unchanged)" : before === undefined ? "" : " (replaces the present file)"
  yield* Console.log(`${file}${changed}:`)
  for (const line of text.trimEnd().split("\n")) yield* Console.log(style("green", `+ ${line}`.trimEnd()))
  yield* Console.log("Then these commands run:")
  for (const { argv } of start) yield* Console.log(`  ${argv.join(" ")}`)
})

export const install = Command.make(
  "install",
  {
    user: userFlag,
    yes: yesFlag,
    dryRun: dryRunFlag,
    print: Flag.Boolean("print").pipe(
      Flag.withDescription("Print the file only, to install it in another way"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ dryRun, print, user, yes }) {
    const { launch } = yield* durableMachine("The service")
    const config = yield* configFile
    const daemon = yield* findDaemon({ config, user })
    if (print) return yield* Console.log(daemon.text.trimEnd())
    const before = yield* manage.installed(daemon)
    yield* show(daemon, before)
    if (!dryRun) yield* requireRoot(user)
    if (!user) yield* manage.requireReadable({ config, launch })
    if (dryRun) return yield* Console.log("Nothing was changed.")
    yield* manage.requireManager(daemon)
    if (!yes && !(yield* confirm("Install and start the service?"))) {
      return yield* Console.log("Nothing was changed.")
    }
    const backup = yield* manage.install(daemon)
    yield* Console.log("The service is installed and was started.")
    if (backup !== undefined) yield* Console.log(`Backup of the previous file: ${backup}`)
    yield* Console.log(`State:  manifold service status${user ? " --user" : ""}\nLog:    ${daemon.log}`)
    if (daemon.manager === "systemd" && user) {
      yield* Console.log("To start it at boot instead of at login: loginctl enable-linger")
    }
  })
).pipe(
  Command.withDescription("Install the service and start it, now and at each boot or login"),
  Command.withExamples([
    { command: "sudo manifold service install", description: "Show the file, prompt, and install it" },
    { command: "manifold service install --user", description: "A service of this user, without root" },
    {
      command: "manifold service install --print > manifold.service",
      description: "Only the file, for a package or a configuration tool"
    }
  ])
)
