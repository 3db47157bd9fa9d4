/** The one text that configures the program: found, read and parsed, with a place for every value. */
import { Effect, FileSystem, Predicate } from "effect"
import { Environment } from "../platform/Environment.ts"
import { inWords } from "../platform/inWords.ts"
import { ConfigInvalid, showPath, type Path, type Problem } from "./ConfigInvalid.ts"
import * as JsonText from "./JsonText.ts"
import { mostNested, position, type Text } from "./Text.ts"
import * as YamlText from "./YamlText.ts"

export interface Document {
  /** The sections, by name. */
  readonly value: Readonly<Record<string, unknown>>
  /** What was read: a file's path, `MCP_CONFIG_JSON`; undefined when there was nothing to read. */
  readonly name: string | undefined
  /** The path that is read, also if there was no file yet; undefined when no file is asked for. */
  readonly file: string | undefined
  /** Where a setting's key or value is written: `manifold.yaml:3:9`, or just the source's name. */
  readonly source: (path: Path, part: "key" | "value") => string
}

/** Read when nothing else is said and it exists in the working directory. */
export const usualFile = "manifold.yaml"
const pathVariable = "MCP_CONFIG_PATH"
const jsonVariable = "MCP_CONFIG_JSON"
const largestBytes = 1024 * 1024

/**
 * Fails on what no section can answer for: a root that is not a map, keys that would reach the prototype of what
 * they are assigned to, and nesting without end (a YAML anchor may contain itself).
 */
const check = (
  value: unknown,
  source: Document["source"],
  read: Pick<Document, "name" | "file">
): Effect.Effect<Document, ConfigInvalid> => {
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

const fromText = (name: string, written: string, text: Text, file: string | undefined) => {
  const at = (offset: number) => `${name}:${position(written, offset)}`
  if (text.faults.length > 0) {
    const problems = text.faults.map(({ message, offset }) => ({ path: "", message, source: at(offset) }))
    return Effect.fail(new ConfigInvalid({ problems }))
  }
  const source: Document["source"] =
    file === undefined ? () => name : (path, part) => at(text.locate(path, part))
  return check(text.value, source, { name, file })
}

/** `required` says who named the file, which must exist then. */
const readFile = Effect.fnUntraced(function* (name: string, required: string | undefined) {
  const fs = yield* FileSystem.FileSystem
  const bytes = yield* fs.readFile(name).pipe(
    Effect.catchTag("PlatformError", (error) => {
      if (error.reason._tag === "NotFound" && required === undefined) return Effect.void
      return fail(name, `the file cannot be read: ${inWords(error.reason)}${required ?? ""}`)
    })
  )
  if (!bytes) return yield* check({}, () => name, { name: undefined, file: name })
  if (bytes.length > largestBytes) return yield* fail(name, `larger than ${largestBytes} bytes`)
  const text = yield* Effect.try(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes)).pipe(
    Effect.catch(() => fail(name, "not valid UTF-8"))
  )
  const parsed = name.toLowerCase().endsWith(".json") ? JsonText.parse(text) : yield* YamlText.parse(text)
  return yield* fromText(name, text, parsed, name)
})

/** `MCP_CONFIG_JSON`, else the file at `MCP_CONFIG_PATH`, else `manifold.yaml` if there is one, else nothing. */
export const load: Effect.Effect<Document, ConfigInvalid, Environment | FileSystem.FileSystem> = Effect.gen(
  function* () {
    const environment = yield* Environment
    const inline = environment.get(jsonVariable) ?? ""
    if (inline !== "") return yield* fromText(jsonVariable, inline, JsonText.parse(inline), undefined)
    const path = environment.get(pathVariable) ?? ""
    return yield* path === ""
      ? readFile(usualFile, undefined)
      : readFile(path, `; it is named by ${pathVariable}`)
  }
)

/** This file and no other. */
export const loadFile = (path: string) => readFile(path, "")

/** A configuration that is a value already. */
export const fromValue = (value: unknown): Effect.Effect<Document, ConfigInvalid> =>
  check(value, () => "configuration", { name: "configuration", file: undefined })
