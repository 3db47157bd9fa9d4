/** `manifold config check|schema|init`: validates the configuration, prints its JSON Schema, writes a commented file. */
import { Console, Effect, FileSystem, Option, Path, Runtime, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { ConfigInvalid } from "../../layers/config/ConfigInvalid.ts"
import { ConfigSource, type Found } from "../../layers/config/ConfigSource.ts"
import { ConfigFile, usualFile } from "../../layers/config/ConfigDocument.ts"
import type { DecodeServices } from "../../layers/config/DecodeServices.ts"
import { legacyFileWarning } from "../../layers/config/legacyFileWarning.ts"
import type { Ids } from "../../layers/platform/Ids.ts"
import { describeFileError } from "../../layers/platform/describeFileError.ts"
import { commentedYaml } from "./config/commentedYaml.ts"
import { fileSchema } from "./config/jsonSchema.ts"
import { preflight } from "../program/preflight.ts"
import { UsageError } from "./UsageError.ts"
import { sections } from "../program/sections.ts"

/** The configuration has problems, which were printed; sets the exit code only. */
class CheckFailed extends Schema.TaggedError<CheckFailed>()("CheckFailed", {}) {
  override readonly [Runtime.errorReported] = false
}

const print = (value: unknown) => Console.log(JSON.stringify(value))

const sourceOf = ({ file, source }: Found) =>
  source ?? `no configuration file${file === undefined ? "" : ` (${file})`}; using defaults`

const summary = (found: Found, notes: ReadonlyArray<string>): ReadonlyArray<string> => [
  `ok: ${sourceOf(found)}`,
  ...found.sections.map(({ keys, name, variables }) =>
    [
      `  ${name}${keys.length === 0 ? "" : `: ${keys.join(", ")}`}`,
      variables.length === 0 ? "" : ` (from the environment: ${variables.join(", ")})`
    ].join("")
  ),
  ...notes
]

const checked = Effect.gen(function* () {
  const config = yield* ConfigSource
  yield* config.check(sections)
  yield* preflight
  const found = yield* config.found
  const unread = yield* legacyFileWarning(found)
  return { found, notes: unread === undefined ? [] : [unread] }
})

interface Checked {
  readonly found: Found
  readonly notes: ReadonlyArray<string>
}

const check = Command.make(
  "check",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("File to check; by default the file that the program reads"),
      Argument.optional
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* ({ file, json }) {
    const result: Effect.Effect<Checked, ConfigInvalid, ConfigSource | DecodeServices | Ids> = Option.isSome(
      file
    )
      ? Effect.provide(checked, ConfigSource.layerFile(file.value))
      : checked
    if (!json) {
      const { found, notes } = yield* result
      return yield* Console.log(summary(found, notes).join("\n"))
    }
    yield* result.pipe(
      Effect.flatMap(({ found: { named: _, ...found }, notes }) =>
        print({ ok: true, ...found, notices: notes })
      ),
      Effect.catchTag("ConfigInvalid", ({ problems }) =>
        Effect.andThen(print({ ok: false, problems }), new CheckFailed())
      )
    )
  })
).pipe(Command.withDescription("Report every problem of the configuration, with line and column"))

const schema = Command.make("schema", {}, () =>
  Console.log(JSON.stringify(fileSchema(sections), undefined, 2))
).pipe(Command.withDescription("Print the JSON Schema of the configuration file"))

const init = Command.make(
  "init",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("YAML file to write; by default the user's configuration file"),
      Argument.optional
    ),
    force: Flag.Boolean("force").pipe(
      Flag.withDescription("Overwrite the file if it exists"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* ({ file: given, force }) {
    const file = Option.getOrUndefined(given) ?? (yield* ConfigFile) ?? (yield* usualFile)
    if (file === undefined) {
      return yield* new UsageError({
        detail: "No home folder found. Pass the file to write: manifold config init FILE"
      })
    }
    if (file.toLowerCase().endsWith(".json")) {
      return yield* new UsageError({ detail: "JSON does not support comments. Pass a .yaml file" })
    }
    const files = yield* FileSystem.FileSystem
    const folder = (yield* Path.Path).dirname(file)
    // The file may get secrets: it is created with mode 0600 and replaces a symbolic link instead of following it.
    yield* files.makeDirectory(folder, { recursive: true, mode: 0o700 }).pipe(
      Effect.andThen(force ? files.remove(file, { force: true }) : Effect.void),
      Effect.andThen(files.writeFileString(file, commentedYaml(sections), { flag: "wx", mode: 0o600 })),
      Effect.mapError(
        ({ reason }) =>
          new UsageError({
            detail:
              reason._tag === "AlreadyExists"
                ? `${file} exists already. Pass --force to overwrite it`
                : `Cannot write ${file}: ${describeFileError(reason)}`
          })
      )
    )
    yield* Console.log(`Wrote ${file}: every key with its default, commented out`)
  })
).pipe(Command.withDescription("Write a configuration file with every key commented out"))

export const config = Command.make("config").pipe(
  Command.withDescription("Check the configuration, print its schema, or write a commented file"),
  Command.withSubcommands([check, schema, init]),
  Command.withExamples([
    {
      command: "manifold config init",
      description: "Write a commented manifold.yaml into your configuration folder"
    },
    { command: "manifold config check", description: "Report every problem at once" },
    { command: "manifold config schema > manifold.schema.json", description: "JSON Schema for an editor" }
  ])
)
