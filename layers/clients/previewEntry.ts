/** Line diff of an entry before and after a change, with secrets masked. */
import { Predicate } from "effect"
import { isSecretName } from "../logging/redact.ts"
import { redactText } from "../logging/redactText.ts"
import type { Entry } from "./clients.ts"

export interface DiffLine {
  readonly sign: " " | "-" | "+"
  readonly text: string
}

/** Keys whose values may be secrets. */
const secretive = new Set(["env", "headers"])
const shownNames = new Set(["MCP_CONFIG_PATH"])
const hidden = "…"

const isFlag = (value: unknown): value is string => typeof value === "string" && /^-[^=\s]*$/.test(value)

/**
 * Masks values of variables and headers, and secrets by name or pattern elsewhere, such as in arguments (`--token …`) or
 * URLs.
 */
export const mask = (entry: unknown): unknown => {
  if (typeof entry === "string") return redactText(entry)
  if (Array.isArray(entry)) {
    return entry.map((item: unknown, index) => {
      const before: unknown = entry[index - 1]
      return isFlag(before) && isSecretName(before, item) && !isFlag(item) ? hidden : mask(item)
    })
  }
  if (!Predicate.isObject(entry)) return entry
  const shown = Object.entries(entry).map(([key, value]) => {
    if (secretive.has(key) && Predicate.isObject(value)) {
      const names = Object.entries(value).map(([name, text]) => [name, shownNames.has(name) ? text : hidden])
      return [key, Object.fromEntries(names)]
    }
    return [key, isSecretName(key, value) ? hidden : mask(value)]
  })
  return Object.fromEntries(shown)
}

const linesOf = (name: string, entry: unknown): ReadonlyArray<string> =>
  entry === undefined ? [] : `${JSON.stringify(name)}: ${JSON.stringify(mask(entry), null, 2)}`.split("\n")

/** Removed, added and unchanged lines; `undefined` for an absent entry. */
export const preview = (name: string, before: unknown, after: Entry | undefined): ReadonlyArray<DiffLine> => {
  const [old, next] = [linesOf(name, before), linesOf(name, after)]
  // Longest common subsequence: common[i][j] is its length for the rest of both from i and j.
  const common = Array.from({ length: old.length + 1 }, () =>
    Array.from({ length: next.length + 1 }, () => 0)
  )
  const at = (i: number, j: number) => common[i]?.[j] ?? 0
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = next.length - 1; j >= 0; j--) {
      const row = common[i]
      if (row) row[j] = old[i] === next[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Array<DiffLine> = []
  let [i, j] = [0, 0]
  while (i < old.length || j < next.length) {
    const [gone, come] = [old[i], next[j]]
    if (gone !== undefined && gone === come) {
      lines.push({ sign: " ", text: gone })
      i++
      j++
    } else if (gone !== undefined && (come === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ sign: "-", text: gone })
      i++
    } else {
      lines.push({ sign: "+", text: come ?? "" })
      j++
    }
  }
  return lines
}
