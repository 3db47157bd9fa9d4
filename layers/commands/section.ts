/** The section `commands`: commands that administrators may run, by name, with their arguments. */
import { Duration, Schema } from "effect"
import { DurationSetting } from "../config/DurationSetting.ts"
import { PathSetting } from "../config/pathSettings.ts"
import { Secret } from "../config/Secret.ts"
import * as Section from "../config/Section.ts"

const from = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const isPattern = Schema.makeFilter((pattern: string) => {
  try {
    return new RegExp(pattern, "u") instanceof RegExp
  } catch {
    return "must be a regular expression"
  }
})

const makeArgument = () =>
  Schema.Struct({
    name: Schema.String.check(Schema.isPattern(/^[a-z][a-z0-9_]{0,31}$/)).annotate({
      expected: "a name of small letters, digits and _",
      description: "Name of the argument; `{name}` in `run` is replaced by its value."
    }),
    description: Schema.optionalKey(Schema.String),
    values: Schema.optionalKey(
      Schema.Array(Schema.NonEmptyString).annotate({ description: "The allowed values." })
    ),
    pattern: Schema.optionalKey(
      Schema.String.check(isPattern).annotate({
        description:
          "Regular expression that the whole value must match. Default: letters, digits and `_.,:@%+=/-`."
      })
    ),
    minimum: Schema.optionalKey(
      Schema.Int.annotate({ description: "The value is an integer, at least this." })
    ),
    maximum: Schema.optionalKey(
      Schema.Int.annotate({ description: "The value is an integer, at most this." })
    ),
    max_length: Section.optional(from(1, 4096), 128, "Maximum characters of the value."),
    optional: Section.optional(
      Schema.Boolean,
      false,
      "Whether the argument may be absent; parts of `run` with it are then omitted. Only the last arguments."
    )
  })
export type ArgumentSettings = ReturnType<typeof makeArgument>["Type"]

const timeout = DurationSetting.check(
  Schema.makeFilter((time) => {
    const seconds = Duration.toSeconds(time)
    return (seconds >= 0.1 && seconds <= 600) || "must be from 100 milliseconds to 10 minutes"
  })
)

const placeholders = /\{([a-z][a-z0-9_]*)\}/g

const makeCommand = () =>
  Schema.Struct({
    description: Schema.optionalKey(Schema.String),
    run: Schema.NonEmptyArray(Schema.String.check(Schema.isPattern(/^[^\0]*$/))).annotate({
      description:
        "The program and its arguments. There is no shell: nothing is expanded except `{name}` of an argument."
    }),
    arguments: Section.optional(
      Schema.Array(makeArgument()),
      [],
      "Arguments, in the order of the command line."
    ),
    approval: Section.optional(
      Schema.Boolean,
      false,
      "Whether the user of the client must approve each run; clients without elicitation cannot run it."
    ),
    timeout: Section.optional(
      timeout,
      "30 seconds",
      "Time limit; then the command and its descendants are killed."
    ),
    max_output_bytes: Section.optional(
      from(1024, 1024 * 1024),
      65_536,
      "Maximum bytes of standard output, and of standard error, in the result."
    ),
    cwd: Schema.optionalKey(PathSetting("Working folder. Default: `/`, or `/tmp` in the sandbox.")),
    env: Section.optional(
      Schema.Record(Schema.String, Secret),
      {},
      "Environment variables, besides PATH, LANG and HOME. Their values are masked in the output."
    ),
    sandbox: Section.optional(
      Schema.Literals(["auto", "required", "off"]),
      "auto",
      "Whether the command runs in a sandbox of bubblewrap: without network, with the files of the system only. `auto`: where bubblewrap works; `off`: for commands that control the machine."
    ),
    network: Section.optional(Schema.Boolean, false, "Whether the sandbox has network access."),
    read: Section.optional(
      Schema.Array(PathSetting("Path in the sandbox that can be read.")),
      [],
      "Further paths that the sandbox can read."
    ),
    write: Section.optional(
      Schema.Array(PathSetting("Path in the sandbox that can be written.")),
      [],
      "Further paths that the sandbox can write."
    ),
    max_memory_bytes: Section.optional(
      from(16 * 1024 * 1024, 2 ** 40),
      1024 * 1024 * 1024,
      "Maximum address space of each process in bytes. Runtimes with a JIT compiler may need more."
    ),
    max_processes: Section.optional(from(1, 4096), 64, "Maximum processes and threads in the sandbox."),
    max_file_bytes: Section.optional(
      from(0, 2 ** 40),
      10 * 1024 * 1024,
      "Maximum size of a file that it writes, in bytes."
    )
  }).check(
    Schema.makeFilter(({ arguments: declared, run }) => {
      const names = declared.map(({ name }) => name)
      const twice = names.findIndex((name, index) => names.indexOf(name) < index)
      if (twice >= 0) return { path: ["arguments", twice, "name"], issue: "another argument has this name" }
      const late = declared.findIndex(
        ({ optional }, index) => !optional && declared[index - 1]?.optional === true
      )
      if (late >= 0) return { path: ["arguments", late], issue: "must be optional, like the argument before" }
      if (/\{[a-z]/.test(run[0])) return { path: ["run", 0], issue: "the program cannot be an argument" }
      const used = new Set(run.flatMap((part) => Array.from(part.matchAll(placeholders), ([, name]) => name)))
      const unused = names.findIndex((name) => !used.has(name))
      return (
        unused < 0 || {
          path: ["arguments", unused, "name"],
          issue: `must be used in run as {${names[unused]}}`
        }
      )
    })
  )
export type CommandSettings = ReturnType<typeof makeCommand>["Type"]

/** `docker ps`: words without spaces around them. */
const isName = Schema.makeFilter((name: string) => /^[\w.:/-]+(?: [\w.:/-]+){0,7}$/.test(name), {
  expected: "one to eight words of letters, digits and _.:/- with one space between them"
})

export const section = Section.deferred(
  "commands",
  () =>
    Schema.Struct({
      max_running: Section.optional(from(1, 100), 4, "Maximum commands that run at the same time."),
      named: Section.optional(
        Schema.Record(Schema.String.check(isName), makeCommand()),
        {},
        "Commands by name. The longest name at the beginning of the command line selects the command."
      )
    }),
  { description: "Commands that the tool `run_command` runs for administrators. Default: none." }
)
export type CommandsSettings = (typeof section)["schema"]["Type"]
