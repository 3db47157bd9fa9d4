/** Reads YAML 1.2 and knows where each value stood. The library is loaded only when a file is read. */
import { Effect } from "effect"
import type { ErrorCode, Node } from "yaml"
import type { Path } from "./ConfigInvalid.ts"
import type { Text } from "./Text.ts"

/** Our words for the library's codes: its own messages quote the text, which may be a secret. */
const messages: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: "the alias has no anchor before it",
  BAD_DQ_ESCAPE: "unknown escape sequence; use single quotes for text with backslashes",
  BAD_INDENT: "wrong indentation, or a bracket that is not closed",
  BAD_SCALAR_START: "text that starts with this character needs quotes",
  BLOCK_AS_IMPLICIT_KEY: "a second colon in the line; put the value in quotes",
  DUPLICATE_KEY: "the key is given twice",
  MISSING_CHAR: "a colon, quote or bracket is missing",
  MULTIPLE_DOCS: "only one document is allowed (remove the `---`)",
  NON_STRING_KEY: "keys must be plain text",
  RESOURCE_EXHAUSTION: "nested too deeply",
  TAB_AS_INDENT: "tabs cannot indent; use spaces",
  TAG_RESOLVE_FAILED: "tags (`!name`) are not supported"
}

/** More aliases than this, multiplied out, make a bomb. */
const mostAliases = 100
/** One mistake can make hundreds of errors after it. */
const mostFaults = 10

export const parse = Effect.fnUntraced(function* (text: string): Effect.fn.Return<Text> {
  const { isAlias, isMap, isScalar, isSeq, parseDocument } = yield* Effect.promise(() => import("yaml"))
  // With "silent" a second document would pass unnoticed.
  const document = parseDocument(text, { logLevel: "error", prettyErrors: false, stringKeys: true })
  const faults = [...document.errors, ...document.warnings].slice(0, mostFaults).map((error) => ({
    offset: error.pos[0],
    message: messages[error.code] ?? "not YAML here"
  }))

  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  const start = (node: unknown): number | undefined => (node as Node | null)?.range?.[0]
  const child = (parent: unknown, key: PropertyKey) => {
    const node = resolve(parent)
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
      return pair && { node: pair.value, key: start(pair.key) }
    }
    const item = isSeq(node) && typeof key === "number" ? node.items[key] : undefined
    return item === undefined ? undefined : { node: item, key: start(item) }
  }
  const locate = (path: Path, part: "key" | "value"): number => {
    let node: unknown = document.contents
    let offset = start(node) ?? 0
    for (const [index, key] of path.entries()) {
      const found = child(node, key)
      if (found === undefined) return offset
      const wanted =
        part === "key" && index === path.length - 1 ? found.key : (start(found.node) ?? found.key)
      offset = wanted ?? offset
      node = found.node
    }
    return offset
  }

  if (faults.length > 0) return { value: undefined, faults, locate }
  return yield* Effect.try(() => document.toJS({ maxAliasCount: mostAliases }) as unknown).pipe(
    Effect.map((value) => ({ value, faults, locate })),
    Effect.orElseSucceed(() => ({
      value: undefined,
      faults: [{ offset: 0, message: "an alias is used too often, or before its anchor" }],
      locate
    }))
  )
})
