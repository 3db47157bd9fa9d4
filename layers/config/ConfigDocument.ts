/** The one text that configures the program: found, read and parsed, with a place for every value. */
import { Context, Effect, FileSystem, Path as Paths, Predicate } from "effect"
import { Environment } from "../platform/Environment.ts"
import { describeFileError } from "../platform/describeFileError.ts"
import { userFolder } from "../platform/userFolders.ts"
import { stampOf } from "../platform/watchFiles.ts"
import { ConfigInvalid, showPath, type Path, type Problem } from "./ConfigInvalid.ts"
import * as JsonText from "./JsonText.ts"
import { expandHome } from "./pathSettings.ts"
import type { DecodeServices } from "./DecodeServices.ts"
import { mostNested, position, type ConfigText } from "./ConfigText.ts"
import * as YamlText from "./YamlText.ts"

export interface ConfigDocument {
  /** The sections, by name. */
  readonly value: Readonly<Record<string, unknown>>
  /** What was read: a file's path, `MCP_CONFIG_JSON`; undefined when there was nothing to read. */
  readonly name: string | undefined
  /** The path that is read, also if there was no file yet; undefined when no file is asked for. */
  readonly file: string | undefined
  /** The folder in which relative paths of the file start; absolute. */
  readonly folder: string | undefined
  /** What the file was like just before it was read, for `watchFiles`. */
  readonly stamp: string | undefined
  /** Whether the user named it, by `--config`, `MCP_CONFIG_PATH` or `MCP_CONFIG_JSON`. */
  readonly named: boolean
  /** Where a setting's key or value is written: `manifold.yaml:3:9`, or just the source's name. */
  readonly source: (path: Path, part: "key" | "value") => string
}

/** The name of the usual file, in the user's configuration folder. */
export const fileName = "manifold.yaml"

/** The file that the command line names with `--config`; above every variable that names one. */
export const ConfigFile = Context.Reference<string | undefined>("manifold/config/ConfigFile", {
  defaultValue: () => undefined
})

/** The path of the usual file; `undefined` for a user without a home folder. */
export const usualFile = Effect.gen(function* () {
  const folder = yield* userFolder("config")
  return folder === undefined ? undefined : (yield* Paths.Path).join(folder, fileName)
})

const pathVariable = "MCP_CONFIG_PATH"
const jsonVariable = "MCP_CONFIG_JSON"
const largestBytes = 1024 * 1024

type Read = Pick<ConfigDocument, "name" | "file" | "folder" | "named" | "stamp">

/**
 * Fails on what no section can answer for: a root that is not a map, keys that would reach the prototype of what
 * they are assigned to, and nesting without end (a YAML anchor may contain itself).
 */
const check = (
  value: unknown,
  source: ConfigDocument["source"],
  read: Read
): Effect.Effect<ConfigDocument, ConfigInvalid> => {
  const problems: Array<Problem> = []
  const add = (path: Path, part: "key" | "value", message: string) =>
    problems.push({ path: showPath(path), message, source: source(path, part) })
  const walk = (inner: unknown, path: ReadonlyArray<string | number>): void => {
    if (path.length > mostNested)
      return void add(path.slice(0, 1), "value", "nested too deeply, or in itself")
    if (Array.isArray(inner)) {
      // One report is enough: what contains itself would fill the page.
      for (let index = 0; index < inner.length && problems.length < 100; index++) {
        walk(inner[index], [...path, index])
      }
    } else if (Predicate.isObject(inner)) {
      for (const [key, item] of Object.entries(inner)) {
        if (problems.length >= 100) return
        if (key === "__proto__") add([...path, key], "key", "this key is not allowed")
        else walk(item, [...path, key])
      }
    }
  }
  // A file with nothing but comments is a configuration with nothing in it.
  const root = value ?? {}
  if (!Predicate.isObject(root)) add([], "value", "expected a map of sections")
  else {
    walk(root, [])
    if (problems.length === 0)
      return Effect.succeed({ value: root as Record<string, unknown>, source, ...read })
  }
  return Effect.fail(new ConfigInvalid({ problems }))
}

const fail = (source: string, message: string) =>
  Effect.fail(new ConfigInvalid({ problems: [{ path: "", message, source }] }))

const fromText = (written: string, text: ConfigText, read: Read & { readonly name: string }) => {
  const { file, name } = read
  const at = (offset: number) => `${name}:${position(written, offset)}`
  if (text.faults.length > 0) {
    const problems = text.faults.map(({ message, offset }) => ({ path: "", message, source: at(offset) }))
    return Effect.fail(new ConfigInvalid({ problems }))
  }
  const source: ConfigDocument["source"] =
    file === undefined ? () => name : (path, part) => at(text.locate(path, part))
  return check(text.value, source, read)
}

/** `required` says what named the file, which must exist then. */
const readFile = Effect.fnUntraced(function* (name: string, required: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const paths = yield* Paths.Path
  const read = {
    file: name,
    folder: paths.dirname(paths.resolve(name)),
    stamp: yield* stampOf([name]),
    named: required !== undefined
  }
  const bytes = yield* fs.readFile(name).pipe(
    Effect.catchTag("PlatformError", (error) => {
      if (error.reason._tag === "NotFound" && required === undefined) return Effect.void
      return fail(name, `the file cannot be read: ${describeFileError(error.reason)}${required ?? ""}`)
    })
  )
  if (!bytes) return yield* check({}, () => name, { ...read, name: undefined })
  if (bytes.length > largestBytes) return yield* fail(name, `larger than ${largestBytes} bytes`)
  const text = yield* Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).pipe(
    Effect.catch(() => fail(name, "not valid UTF-8"))
  )
  const parsed = name.toLowerCase().endsWith(".json") ? JsonText.parse(text) : yield* YamlText.parse(text)
  return yield* fromText(text, parsed, { ...read, name })
})

/** A file that the user named: relative to the working folder, where a shell's user has it. */
const readNamed = (written: string, by: string, required = `; it is named by ${by}`) =>
  written === ""
    ? fail(by, "names no file")
    : expandHome(written).pipe(
        Effect.catch(() => fail(by, `${written}: write the path out`)),
        Effect.flatMap((path) => readFile(path, required))
      )

const noFile = { name: undefined, file: undefined, folder: undefined, stamp: undefined } as const

/**
 * The file named by `--config`, else `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else the usual file if there
 * is one, else nothing. Never a file of the working folder that was not named: an AI client starts the program in any
 * folder, and whoever filled that folder would configure it.
 */
export const load: Effect.Effect<ConfigDocument, ConfigInvalid, DecodeServices> = Effect.gen(function* () {
  const environment = yield* Environment
  const file = yield* ConfigFile
  if (file !== undefined) return yield* readNamed(file, "--config")
  const inline = environment.get(jsonVariable) ?? ""
  if (inline !== "") {
    return yield* fromText(inline, JsonText.parse(inline), { ...noFile, name: jsonVariable, named: true })
  }
  const path = environment.get(pathVariable) ?? ""
  if (path !== "") return yield* readNamed(path, pathVariable)
  const usual = yield* usualFile
  if (usual !== undefined) return yield* readFile(usual, undefined)
  return yield* check({}, () => "no configuration file", { ...noFile, named: false })
})

/** The file that `--config` or `MCP_CONFIG_PATH` names, as an absolute path for a process with another working folder. */
export const namedFile = Effect.gen(function* () {
  const { get } = yield* Environment
  const file = (yield* ConfigFile) ?? ((get(jsonVariable) ?? "") === "" ? get(pathVariable) : undefined)
  if (file === undefined || file === "") return undefined
  return (yield* Paths.Path).resolve(yield* Effect.orElseSucceed(expandHome(file), () => file))
})

/** This file and no other. */
export const loadFile = (path: string) => readNamed(path, path, "")

/** A configuration that is a value already. */
export const fromValue = (value: unknown): Effect.Effect<ConfigDocument, ConfigInvalid> =>
  check(value, () => "configuration", { ...noFile, name: "configuration", named: true })
