/** Checks that the clock is not before the program was built; tokens, sessions and certificates expire by it. */
import { DateTime, Duration, Effect, FileSystem, Option } from "effect"
import { Machine } from "../../../layers/platform/Machine.ts"
import { type Check, fail, ok } from "./Check.ts"

/** A copied file may seem newer than now because of its time zone. */
const tolerance = Duration.days(1)

export const clock: Check<FileSystem.FileSystem | Machine> = {
  name: "clock",
  run: Effect.gen(function* () {
    const { launch } = yield* Machine
    const fs = yield* FileSystem.FileSystem
    const now = yield* DateTime.now
    const { mtime } = yield* fs.stat(launch.args.at(-1) ?? launch.command)
    const shown = DateTime.formatIso(now)
    const early = Option.exists(mtime, (made) =>
      DateTime.isLessThan(DateTime.addDuration(now, tolerance), DateTime.makeUnsafe(made))
    )
    return [
      early
        ? fail(`${shown} is before this program was built: set the clock (timedatectl set-ntp true)`)
        : ok(shown)
    ]
  })
}
