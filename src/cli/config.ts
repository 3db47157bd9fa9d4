/** `manifold config check|schema|init`: is the configuration right, what may stand in it, and a file to begin with. */
import { Console, Effect, FileSystem, Option, Path, Runtime, Schema } from "effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { ConfigInvalid } from "../../layers/config/ConfigInvalid.ts"
import { ConfigSource, type Found } from "../../layers/config/ConfigSource.ts"
import { ConfigFile, usualFile } from "../../layers/config/ConfigDocument.ts"
import type { DecodeServices } from "../../layers/config/DecodeServices.ts"
import { legacyFileWarning } from "../../layers/config/legacyFileWarning.ts"
import { describeFileError } from "../../layers/platform/describeFileError.ts"
import { commentedYaml } from "./config/commentedYaml.ts"
import { fileSchema } from "./config/jsonSchema.ts"
import { notices } from "../program/upcomingSections.ts"
import { preflight } from "../program/preflight.ts"
import { UsageError } from "./UsageError.ts"
import { sections } from "../program/sections.ts"

/** The problems were printed; what is left to say is the exit code. */
class Refused extends Schema.TaggedError<Refused>()("Refused", {}) {
  override readonly [Runtime.errorReported] = false
}

const print = (value: unknown) => Console.log(JSON.stringify(value))

const sourceOf = ({ file, source }: Found) =>
  source ?? `no configuration file${file === undefined ? "" : ` (${file})`}; using defaults`

const summary = (found: Found, remarks: ReadonlyArray<string>): ReadonlyArray<string> => [
  `ok: ${sourceOf(found)}`,
  ...found.sections.map(({ keys, name, variables }) =>
    [
      `  ${name}${keys.length === 0 ? "" : `: ${keys.join(", ")}`}`,
      variables.length === 0 ? "" : ` (from the environment: ${variables.join(", ")})`
    ].join("")
  ),
  ...remarks
]

const checked = Effect.gen(function* () {
  const config = yield* ConfigSource
  yield* config.check(sections)
  yield* preflight
  const found = yield* config.found
  const unread = yield* legacyFileWarning(found)
  return { found, remarks: [...notices(found), ...(unread === undefined ? [] : [unread])] }
})

interface Checked {
  readonly found: Found
  readonly remarks: ReadonlyArray<string>
}

const check = Command.make(
  "check",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The file to check; else the one that the program would read"),
      Argument.optional
    ),
    json: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON"), Flag.withDefault(false))
  },
  Effect.fnUntraced(function* ({ file, json }) {
    const result: Effect.Effect<Checked, ConfigInvalid, ConfigSource | DecodeServices> = Option.isSome(file)
      ? Effect.provide(checked, ConfigSource.layerFile(file.value))
      : checked
    if (!json) {
      const { found, remarks } = yield* result
      return yield* Console.log(summary(found, remarks).join("\n"))
    }
    yield* result.pipe(
      Effect.flatMap(({ found: { named: _, ...found }, remarks }) =>
        print({ ok: true, ...found, notices: remarks })
      ),
      Effect.catchTag("ConfigInvalid", ({ problems }) =>
        Effect.andThen(print({ ok: false, problems }), new Refused())
      )
    )
  })
).pipe(Command.withDescription("Name every problem of the configuration, with line and column"))

const schema = Command.make("schema", {}, () =>
  Console.log(JSON.stringify(fileSchema(sections), undefined, 2))
).pipe(Command.withDescription("Print the JSON Schema of the configuration file"))

const init = Command.make(
  "init",
  {
    file: Argument.String("file").pipe(
      Argument.withDescription("The YAML file to write; else the user's configuration file"),
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
      return yield* new UsageError({ detail: "This user has no home folder: name the file to write" })
    }
    if (file.toLowerCase().endsWith(".json")) {
      return yield* new UsageError({ detail: "JSON has no comments: name a .yaml file" })
    }
    const files = yield* FileSystem.FileSystem
    const folder = (yield* Path.Path).dirname(file)
    // Secrets may be written into it: it is made anew, for its owner alone, also in the place of a link.
    yield* files.makeDirectory(folder, { recursive: true, mode: 0o700 }).pipe(
      Effect.andThen(force ? files.remove(file, { force: true }) : Effect.void),
      Effect.andThen(files.writeFileString(file, commentedYaml(sections), { flag: "wx", mode: 0o600 })),
      Effect.mapError(
        ({ reason }) =>
          new UsageError({
            detail:
              reason._tag === "AlreadyExists"
                ? `${file} exists; --force overwrites it`
                : `Cannot write ${file}: ${describeFileError(reason)}`
          })
      )
    )
    yield* Console.log(`Wrote ${file}: every key with its default, commented out`)
  })
).pipe(Command.withDescription("Write a configuration file with every key commented out"))

export const config = Command.make("config").pipe(
  Command.withDescription("Check, describe or begin the configuration"),
  Command.withSubcommands([check, schema, init]),
  Command.withExamples([
    {
      command: "manifold config init",
      description: "A commented manifold.yaml in your configuration folder"
    },
    { command: "manifold config check", description: "Every problem at once" },
    { command: "manifold config schema > manifold.schema.json", description: "For an editor" }
  ])
)
