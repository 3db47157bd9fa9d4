/** Sets or removes one entry of a map in a YAML text, and leaves every other line as it is. */
import { Effect, Equal } from "effect"
import type { Document, Pair, YAMLMap } from "yaml"

const lineStart = (text: string, offset: number) => text.lastIndexOf("\n", offset - 1) + 1

/** After the newline of the line that contains the character before `offset`. */
const lineEnd = (text: string, offset: number) => {
  const end = text.indexOf("\n", Math.max(offset - 1, 0))
  return end < 0 ? text.length : end + 1
}

const indented = (text: string, spaces: number) => text.replace(/^(?=[^\n])/gm, " ".repeat(spaces))

interface Node {
  readonly range?: readonly [number, number, number] | null | undefined
}

/** The text with `entry` as `map.<name>`, or without it; `undefined`: it cannot be changed in its place. */
const splice = (
  text: string,
  found: YAMLMap | undefined,
  name: string,
  written: string | undefined
): string | undefined => {
  if (found === undefined || found.flow === true || found.items.length === 0) return undefined
  const pairs = found.items as ReadonlyArray<Pair<Node & { readonly value?: unknown }, Node | null>>
  const first = pairs[0]?.key.range
  if (!first) return undefined
  const column = first[0] - lineStart(text, first[0])
  const block = written === undefined ? "" : indented(written, column)
  const existing = pairs.find(({ key }) => key.value === name)
  if (existing !== undefined) {
    const [from] = existing.key.range ?? []
    const to = existing.value?.range?.[1] ?? existing.key.range?.[1]
    if (from === undefined || to === undefined) return undefined
    return text.slice(0, lineStart(text, from)) + block + text.slice(lineEnd(text, to))
  }
  const last = pairs.at(-1)
  const end = last?.value?.range?.[1] ?? last?.key.range?.[1]
  if (end === undefined) return undefined
  const before = text.slice(0, lineEnd(text, end))
  return `${before}${before.endsWith("\n") ? "" : "\n"}${block}${text.slice(lineEnd(text, end))}`
}

/** `value` `undefined` removes the entry. */
export const editYaml = (text: string, section: string, name: string, value: unknown) =>
  Effect.promise(async () => {
    const { isMap, parseDocument, stringify } = await import("yaml")
    const write = (each: unknown) => stringify(each, { lineWidth: 0 })
    const document: Document = parseDocument(text)
    const map = document.get(section)
    if (value === undefined && !(isMap(map) && map.has(name))) return text
    const edited =
      splice(
        text,
        isMap(map) ? map : undefined,
        name,
        value === undefined ? undefined : write({ [name]: value })
      ) ??
      (document.has(section)
        ? undefined
        : `${text}${text === "" || text.endsWith("\n") ? "" : "\n"}${write({ [section]: { [name]: value } })}`)
    if (value === undefined) document.deleteIn([section, name])
    else document.setIn([section, name], value)
    const whole = document.toString({ lineWidth: 0 })
    const values = (yaml: string): Record<string, unknown> => Object(parseDocument(yaml).toJS())
    const normal = (yaml: string) => {
      const { [section]: servers, ...rest } = values(yaml)
      return { ...rest, [section]: servers ?? {} }
    }
    // Anchors and unusual layouts: the library rewrites the whole text, with its comments.
    return edited !== undefined && Equal.equals(normal(edited), normal(whole)) ? edited : whole
  })
