/** Treats definitions of upstream servers as untrusted: pins them by hash, shows changes, cleans text, bounds schemas. */
import { sha256 } from "../../layers/platform/digest.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"

/** In characters. A longer description costs every caller tokens and may hide an instruction. */
const maxDescription = 16_384
const maxTitle = 256
/** Levels of a schema. */
const maxDepth = 64
/** Definition as JSON, in characters. */
const maxDefinition = 1024 * 1024

/**
 * Characters that a reader does not see but a model does: Unicode tags, zero-width characters, bidirectional controls and
 * variation selectors of the supplement. Joiners, marks and the other variation selectors are kept, because scripts and emoji
 * need them, but not three in a row, which only an encoded text has.
 */
const hidden = new RegExp(
  [
    "[\\u{E0000}-\\u{E007F}]",
    "[\\u{E0100}-\\u{E01EF}]",
    "[\\u200B\\u2060-\\u2064\\uFEFF]",
    "[\\u202A-\\u202E\\u2066-\\u2069]",
    "[\\u00AD\\u061C\\u115F\\u1160\\u180E\\u200C-\\u200F\\u3164\\uFE00-\\uFE0F\\uFFA0]{3,}"
  ].join("|"),
  "gu"
)

/** Without hidden characters. */
export const cleanText = (text: string): string => text.replace(hidden, "")

const cleaned = (text: string, max: number): string => {
  const visible = cleanText(text)
  return visible.length > max ? `${visible.slice(0, max - 1)}…` : visible
}

const depthOf = (value: unknown, left: number): number => {
  if (left < 0 || typeof value !== "object" || value === null) return 0
  let deepest = 0
  for (const each of Object.values(value)) deepest = Math.max(deepest, depthOf(each, left - 1))
  return deepest + 1
}

/** Cleans every text that a model reads, in place of the original. */
const cleanTexts = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(cleanTexts)
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      if (typeof each !== "string") return [key, cleanTexts(each)]
      if (key === "description") return [key, cleaned(each, maxDescription)]
      return [key, key === "title" ? cleaned(each, maxTitle) : each]
    })
  )
}

export interface Checked {
  /** The definition as it is served; `undefined`: it is not served. */
  readonly item: JsonObject | undefined
  /** The problem, for the log. */
  readonly problem: string | undefined
}

/** Foreign schemas are served as data: no reference in them is ever fetched. */
export const checkDefinition = (item: JsonObject): Checked => {
  if (depthOf(item, maxDepth + 1) > maxDepth) {
    return { item: undefined, problem: `is not served: its definition has more than ${maxDepth} levels` }
  }
  const text = JSON.stringify(item)
  if (text.length > maxDefinition) {
    return {
      item: undefined,
      problem: `is not served: its definition has more than ${maxDefinition} characters`
    }
  }
  const clean = cleanTexts(item) as JsonObject
  const same = JSON.stringify(clean) === text
  return {
    item: same ? item : clean,
    problem: same ? undefined : "has a text with hidden characters or of excessive length, which was cleaned"
  }
}

/** The fields that influence a model; icons and `_meta` may change freely. */
const essence = ({ annotations, description, inputSchema, outputSchema, title }: JsonObject) => ({
  title,
  description,
  inputSchema,
  outputSchema,
  annotations
})

export const pinOf = (item: JsonObject): string =>
  Buffer.from(sha256(JSON.stringify(essence(item)))).toString("hex")

/** Lines of a diff that the log shows. */
const maxLines = 40
const maxLine = 200

const linesOf = (item: JsonObject): ReadonlyArray<string> =>
  (JSON.stringify(essence(item), undefined, 2) ?? "").split("\n").map((line) => line.trim().slice(0, maxLine))

/** Lines that are in one of the two definitions only, marked with `-` and `+`. */
export const diffOf = (before: JsonObject | undefined, after: JsonObject): string => {
  if (before === undefined) return "(the earlier definition is not stored)"
  const [old, now] = [linesOf(before), linesOf(after)]
  const [hadOld, hasNow] = [new Set(old), new Set(now)]
  const lines = [
    ...old.filter((line) => !hasNow.has(line)).map((line) => `- ${line}`),
    ...now.filter((line) => !hadOld.has(line)).map((line) => `+ ${line}`)
  ]
  const shown = lines.slice(0, maxLines)
  return [
    ...shown,
    ...(lines.length > shown.length ? [`(${lines.length - shown.length} more lines)`] : [])
  ].join("\n")
}
