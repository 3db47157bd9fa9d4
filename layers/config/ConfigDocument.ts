/** Finds, reads and parses the configuration text, with the source location of every value. */
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
  /** The path of the file, or `MCP_CONFIG_JSON`; `undefined` if nothing was read. */
  readonly name: string | undefined
  /** The path of the file, which may not exist; `undefined` if no file is used. */
  readonly file: string | undefined
  /** Base folder for relative paths; absolute. */
  readonly folder: string | undefined
  /** Fingerprint of the file just before it was read, for `watchFiles`. */
  readonly stamp: string | undefined
  /** Whether the user named it with `--config`, `MCP_CONFIG_PATH` or `MCP_CONFIG_JSON`. */
  readonly named: boolean
  /** Location of a key or value: `manifold.yaml:3:9`, or only the name of the source. */
  readonly source: (path: Path, part: "key" | "value") => string
}

/** Name of the default file in the user's configuration folder. */
export const fileName = "manifold.yaml"

/** The file of `--config`, which overrides the variables. */
export const ConfigFile = Context.Reference<string | undefined>("manifold/config/ConfigFile", {
  defaultValue: () => undefined
})

/** Path of the default file; `undefined` for a user without a home folder. */
export const usualFile = Effect.gen(function* () {
  const folder = yield* userFolder("config")
  return folder === undefined ? undefined : (yield* Paths.Path).join(folder, fileName)
})

const pathVariable = "MCP_CONFIG_PATH"
const jsonVariable = "MCP_CONFIG_JSON"
const largestBytes = 1024 * 1024

type Read = Pick<ConfigDocument, "name" | "file" | "folder" | "named" | "stamp">

/**
 * Fails on problems outside of sections: a root that is not a map, keys that enable prototype pollution, and unbounded
 * nesting (a YAML anchor may contain itself).
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
      return void add(path.slice(0, 1), "value", "nested too deeply, or contains itself")
    if (Array.isArray(inner)) {
      // Limits the number of problems: a value that contains itself would make very many.
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
  // A file with only comments is an empty configuration.
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

/** `required` names what refers to the file, which then must exist. */
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
      return fail(name, `cannot read the file: ${describeFileError(error.reason)}${required ?? ""}`)
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

/** A file that the user named, relative to the working folder. */
const readNamed = (written: string, by: string, required = ` (set by ${by})`) =>
  written === ""
    ? fail(by, "must name a file")
    : expandHome(written).pipe(
        Effect.catch(() => fail(by, `${written}: use an absolute path`)),
        Effect.flatMap((path) => readFile(path, required))
      )

const noFile = { name: undefined, file: undefined, folder: undefined, stamp: undefined } as const

/**
 * The file of `--config`, else `MCP_CONFIG_JSON`, else the file of `MCP_CONFIG_PATH`, else the default file if it exists,
 * else nothing. Never an unnamed file of the working folder: AI clients start the program in untrusted folders.
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

/** The file of `--config` or `MCP_CONFIG_PATH` as an absolute path, for a process with another working folder. */
export const namedFile = Effect.gen(function* () {
  const { get } = yield* Environment
  const file = (yield* ConfigFile) ?? ((get(jsonVariable) ?? "") === "" ? get(pathVariable) : undefined)
  if (file === undefined || file === "") return undefined
  return (yield* Paths.Path).resolve(yield* Effect.orElseSucceed(expandHome(file), () => file))
})

/** Loads this file only. */
export const loadFile = (path: string) => readNamed(path, path, "")

/** A configuration given as a value. */
export const fromValue = (value: unknown): Effect.Effect<ConfigDocument, ConfigInvalid> =>
  check(value, () => "configuration", { ...noFile, name: "configuration", named: true })
