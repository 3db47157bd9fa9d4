/** `manifold restore`: verifies a backup and puts it in place of the state folder. */
import { Console, Effect, Option, Path } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { Storage } from "../../layers/storage/Storage.ts"
import { auditLog } from "../program/audit.ts"
import { confirm } from "./confirm.ts"
import { UsageError } from "./UsageError.ts"
import { jsonFlag } from "./upstream/jsonFlag.ts"

export const restore = Command.make(
  "restore",
  {
    folder: Argument.String("folder").pipe(Argument.withDescription("Folder that manifold backup wrote")),
    to: Flag.String("to").pipe(
      Flag.withMetavar("folder"),
      Flag.withDescription("Restore to this folder (default: the state folder)"),
      Flag.optional
    ),
    yes: Flag.Boolean("yes").pipe(
      Flag.withDescription("Replace existing state, which is moved aside, without a prompt"),
      Flag.withDefault(false)
    ),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ folder, json, to, yes }) {
    const paths = yield* Path.Path
    const { dir: configured } = yield* Storage
    const dir = Option.match(to, { onNone: () => configured, onSome: (path) => paths.resolve(path) })
    const source = paths.resolve(folder)
    const { hasState, restoreBackup, verifyBackup } = yield* Effect.promise(
      () => import("../program/backup/restoreBackup.ts")
    )
    const manifest = yield* verifyBackup(source)
    if ((yield* hasState(dir)) && !yes) {
      if (json) {
        return yield* new UsageError({ detail: `${dir} has state. Pass --yes to move it aside and restore` })
      }
      if (!(yield* confirm(`${dir} has state. Move it aside and restore the backup of ${manifest.date}?`))) {
        return yield* Console.log("Nothing was changed.")
      }
    }
    const aside = yield* restoreBackup(source, manifest, dir)
    const { date, version } = manifest
    if (json) return yield* Console.log(JSON.stringify({ folder: dir, date, version, moved: aside ?? null }))
    yield* Console.log(`Restored the backup of ${date} to ${dir}.`)
    if (aside !== undefined) yield* Console.log(`The state before it is in ${aside}.`)
  }, Effect.provide(auditLog))
).pipe(
  Command.withDescription("Restore the state folder from a backup"),
  Command.withExamples([
    { command: "manifold restore /backups/monday", description: "Verify the backup, then replace the state" }
  ])
)
