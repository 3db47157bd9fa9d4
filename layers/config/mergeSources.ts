/** Merges the sources of one section: document, aliases and environment variables. */
import { Equal, Predicate } from "effect"
import type { Environment } from "../platform/Environment.ts"
import { showPath, type Path, type Problem } from "./ConfigInvalid.ts"
import type { ConfigDocument } from "./ConfigDocument.ts"
import type { Binding, Section } from "./Section.ts"

export interface Merged {
  /** Whether any source sets any of the section. */
  readonly present: boolean
  /** Encoded value, for the schema of the section. */
  readonly value: unknown
  /** Variables that were applied. */
  readonly variables: ReadonlyArray<string>
  /** Problems found while merging. */
  readonly problems: ReadonlyArray<Problem>
  /** Path and location of a setting. */
  readonly origin: (path: Path, part: "key" | "value") => Omit<Problem, "message">
}

const flags: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false
}

/** Parses a variable by kind; text that does not fit is returned unchanged, for the schema to reject. */
const coerce = (text: string, kind: Binding["kind"]): unknown => {
  switch (kind) {
    case "string":
    case "path":
      return text
    case "word":
      return text.toLowerCase()
    case "number":
      return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : text
    case "boolean": {
      const word = text.trim().toLowerCase()
      return Object.hasOwn(flags, word) ? flags[word] : text
    }
    case "list":
      return text
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
  }
}

/** Absolute or under `~` on any platform; decoding checks it again. */
const isAnchored = (path: string) => /^(?:~|(?:[a-zA-Z]:)?[/\\])/.test(path)

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && !Array.isArray(value)

/** A copy of `value` with `leaf` at `path`; unchanged if a parent is not a map, which the schema reports. */
const put = (value: unknown, [key, ...rest]: ReadonlyArray<string>, leaf: unknown): unknown => {
  if (key === undefined) return leaf
  const parent = value ?? {}
  if (!isMap(parent)) return value
  return { ...parent, [key]: put(Object.hasOwn(parent, key) ? parent[key] : undefined, rest, leaf) }
}

export const mergeSources = (
  document: ConfigDocument,
  environment: Environment["Service"],
  section: Section<unknown>
): Merged => {
  const written = (name: string): unknown =>
    // An empty section (`server:`) is present.
    (Object.hasOwn(document.value, name) ? document.value[name] : undefined) ?? {}
  let present = Object.hasOwn(document.value, section.name)
  let value = written(section.name)
  const problems: Array<Problem> = []
  const borrowed = new Map<PropertyKey, string>()
  for (const alias of section.aliases) {
    if (!Object.hasOwn(document.value, alias)) continue
    present = true
    const other = written(alias)
    if (!isMap(other)) {
      const source = document.source([alias], "value")
      problems.push({
        path: showPath([alias]),
        message: `expected a map, the same as in ${section.name}`,
        source
      })
      continue
    }
    for (const [key, item] of Object.entries(other)) {
      const own = isMap(value) && Object.hasOwn(value, key) ? value[key] : undefined
      if (own === undefined) {
        value = put(value, [key], item)
        borrowed.set(key, alias)
      } else if (!Equal.equals(own, item)) {
        const path = [borrowed.get(key) ?? section.name, key]
        problems.push({
          path: showPath([alias, key]),
          message: `differs from ${showPath(path)} (${document.source(path, "value")}), the same setting; remove one of them`,
          source: document.source([alias, key], "value")
        })
      }
    }
  }

  const variables: Array<{ readonly name: string; readonly path: Path }> = []
  for (const [name, binding] of Object.entries(section.env)) {
    const text = environment.get(name) ?? ""
    if (text === "") continue
    present = true
    if (binding.kind === "path" && !isAnchored(text)) {
      problems.push({
        path: showPath([section.name, ...binding.path]),
        message: "expected an absolute path or one under ~/",
        source: name
      })
      continue
    }
    value = put(value, binding.path, coerce(text, binding.kind)) ?? {}
    variables.push({ name, path: [section.name, ...binding.path] })
  }

  const origin = (path: Path, part: "key" | "value") => {
    const variable = variables.find((each) => each.path.every((key, index) => key === path[index]))
    if (variable) return { path: showPath(path), source: variable.name }
    const [, key, ...rest] = path
    const alias = key === undefined ? undefined : borrowed.get(key)
    const place = key === undefined || alias === undefined ? path : [alias, key, ...rest]
    return { path: showPath(place), source: document.source(place, part) }
  }
  return { present, value, variables: variables.map(({ name }) => name), problems, origin }
}
