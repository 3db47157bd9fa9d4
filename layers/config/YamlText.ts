/** YAML 1.2 parser with source locations. The library is loaded lazily. */
import { Effect } from "effect"
import type { ErrorCode, Node, YAMLError } from "yaml"
import type { Path } from "./ConfigInvalid.ts"
import type { Fault, ConfigText } from "./ConfigText.ts"

/** Messages by error code of the library, whose own messages quote the text, which may be a secret. */
const messages: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: "alias without an anchor before it",
  BAD_DQ_ESCAPE: "unknown escape sequence; use single quotes for text with backslashes",
  BAD_INDENT: "wrong indentation, or an unclosed bracket",
  BAD_SCALAR_START: "text that starts with this character must be quoted",
  BLOCK_AS_IMPLICIT_KEY: "second colon in the line; quote the value",
  DUPLICATE_KEY: "duplicate key",
  MISSING_CHAR: "missing colon, quote or bracket",
  MULTIPLE_DOCS: "only one document is allowed (remove the `---`)",
  NON_STRING_KEY: "keys must be plain text",
  RESOURCE_EXHAUSTION: "nested too deeply",
  TAB_AS_INDENT: "tabs are not allowed for indentation; use spaces",
  TAG_RESOLVE_FAILED: "tags (`!name`) are not supported"
}

/** Limit against alias bombs. */
const mostAliases = 100
/** Maximum reported errors: one mistake can cause hundreds. */
const mostFaults = 10

/**
 * The errors as faults. A line that is indented too far is parsed as part of the value above it, which causes two errors
 * at that value; they are reported as one, at the line itself.
 */
const faultsOf = (text: string, errors: ReadonlyArray<YAMLError>): ReadonlyArray<Fault> => {
  const indented = errors.filter(({ code }) => code === "MULTILINE_IMPLICIT_KEY")
  const isPartOf = ({ code, pos }: YAMLError) =>
    code === "BLOCK_AS_IMPLICIT_KEY" && indented.some((other) => other.pos[0] === pos[0])
  return errors
    .filter((error) => !isPartOf(error))
    .slice(0, mostFaults)
    .map((error) => {
      if (!indented.includes(error)) {
        return { offset: error.pos[0], message: messages[error.code] ?? "invalid YAML" }
      }
      const line = text.lastIndexOf("\n", error.pos[1]) + 1
      const offset = line + (/^[ \t]*/.exec(text.slice(line))?.[0].length ?? 0)
      return { offset, message: "wrong indentation: the line is indented more than the one above it" }
    })
}

interface Child {
  readonly node: unknown
  readonly key: number | undefined
}

export const parse = Effect.fnUntraced(function* (text: string): Effect.fn.Return<ConfigText> {
  const { isAlias, isMap, isScalar, isSeq, parseDocument } = yield* Effect.promise(() => import("yaml"))
  // "silent" would ignore a second document.
  const document = parseDocument(text, {
    logLevel: "error",
    prettyErrors: false,
    stringKeys: true,
    // `<<: *name`, which Compose and CI files use, although YAML 1.2 has no merge keys.
    merge: true
  })
  const faults = faultsOf(text, [...document.errors, ...document.warnings])

  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node)
  const start = (node: unknown): number | undefined => (node as Node | null)?.range?.[0]
  const child = (parent: unknown, key: PropertyKey): Child | undefined => {
    const node = resolve(parent)
    if (isMap(node)) {
      const named = (name: PropertyKey) =>
        node.items.filter((item) => isScalar(item.key) && String(item.key.value) === name)
      const [pair] = named(key)
      if (pair !== undefined) return { node: pair.value, key: start(pair.key) }
      // Locates merged keys at their definition.
      for (const { value } of named("<<")) {
        const merged = resolve(value)
        for (const source of isSeq(merged) ? merged.items : [merged]) {
          const found: Child | undefined = source === node ? undefined : child(source, key)
          if (found !== undefined) return found
        }
      }
      return undefined
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
      faults: [
        {
          offset: Math.max(0, text.search(/<<\s*:/)),
          message: /<<\s*:/.test(text)
            ? "an alias is used too often, or `<<` does not name a map or its alias"
            : "an alias is used too often, or before its anchor"
        }
      ],
      locate
    }))
  )
})
