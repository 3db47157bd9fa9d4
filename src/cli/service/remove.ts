/** `manifold service remove`: stops the service and removes its definition; configuration and state remain. */
import { Console, Effect, FileSystem } from "effect"
import * as Command from "effect/cli/Command"
import { findDaemon } from "../../../layers/daemon/findDaemon.ts"
import * as manage from "../../../layers/daemon/manageDaemon.ts"
import { confirm } from "../confirm.ts"
import { dryRunFlag, requireRoot, userFlag, yesFlag } from "./userFlag.ts"

export const remove = Command.make(
  "remove",
  { user: userFlag, yes: yesFlag, dryRun: dryRunFlag },
  Effect.fnUntraced(function* ({ dryRun, user, yes }) {
    const daemon = yield* findDaemon({ config: undefined, user })
    if ((yield* manage.installed(daemon)) === undefined) {
      return yield* Console.log(`The service is not installed: ${daemon.file} does not exist.`)
    }
    yield* Console.log("These commands run:")
    for (const { argv } of daemon.stop) yield* Console.log(`  ${argv.join(" ")}`)
    yield* Console.log(`Then ${daemon.file} is removed.`)
    if (dryRun) return yield* Console.log("Nothing was changed.")
    yield* requireRoot(user)
    if (!yes && !(yield* confirm("Stop and remove the service?"))) {
      return yield* Console.log("Nothing was changed.")
    }
    yield* manage.remove(daemon)
    const { exists } = yield* FileSystem.FileSystem
    const kept = yield* Effect.filter(daemon.kept, (path) => Effect.orElseSucceed(exists(path), () => false))
    yield* Console.log("The service was removed.")
    for (const path of kept) yield* Console.log(`Kept: ${path}`)
  })
).pipe(Command.withDescription("Stop the service and remove it; its configuration and state remain"))
