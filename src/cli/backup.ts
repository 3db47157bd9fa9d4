/** `manifold backup`: copies the state folder consistently while the service runs. */
import { Console, Effect, Path } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import { section } from "../../layers/storage/section.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { auditLog } from "../program/audit.ts"
import { jsonFlag } from "./upstream/jsonFlag.ts"

export const backup = Command.make(
  "backup",
  {
    folder: Argument.String("folder").pipe(Argument.withDescription("New folder for the backup")),
    json: jsonFlag
  },
  Effect.fnUntraced(function* ({ folder, json }) {
    const { check, dir } = yield* Storage
    yield* check
    const target = (yield* Path.Path).resolve(folder)
    const { createBackup } = yield* Effect.promise(() => import("../program/backup/createBackup.ts"))
    const { files, ...about } = yield* createBackup(dir, target)
    const bytes = files.reduce((sum, { size }) => sum + size, 0)
    const { postgres_url: postgres } = yield* (yield* ConfigSource).read(section)
    const { stderr } = yield* OutputStreams
    const notes = [
      "The backup contains secret keys: keep it where only you can read it.",
      ...(postgres === undefined ? [] : ["It does not contain PostgreSQL: back that up with pg_dump."])
    ]
    yield* Effect.ignore(stderr.write(`${notes.join("\n")}\n`))
    yield* Console.log(
      json
        ? JSON.stringify({ folder: target, ...about, files: files.length, bytes })
        : `Backed up ${dir} to ${target}: ${files.length} files, ${bytes} bytes.`
    )
  }, Effect.provide(auditLog))
).pipe(
  Command.withDescription("Back up the state folder while the service runs"),
  Command.withExamples([
    { command: "manifold backup /backups/monday", description: "A new folder with all state and its keys" }
  ])
)
