/** Stable names of upstream entries: `<prefix>__<name>`, at most 64 characters that every model provider accepts. */
import { sha256 } from "../../layers/platform/digest.ts"

/** OpenAI, Anthropic and the AI SDK accept `[A-Za-z0-9_-]{1,64}`. */
const longest = 64
const hashLength = 6

type Renames = Readonly<Record<string, string>>

/** How the entries of a server are named. */
export interface Naming {
  readonly prefix: string
  /** Names that the operator chose, by the server's own. */
  readonly rename?: Renames | undefined
}

const safe = (name: string) => name.replace(/[^A-Za-z0-9_-]/g, "_")

const hashOf = (name: string) => Buffer.from(sha256(name)).toString("hex").slice(0, hashLength)

/** What comes before a name; nothing without a prefix. */
const before = (prefix: string) => (prefix === "" ? "" : `${prefix}__`)

/** Cuts from the left of the name, because names of one family differ at their ends. */
const shortened = (prefix: string, name: string, original: string) => {
  const room = longest - before(prefix).length - hashLength - "_".length
  return `${before(prefix)}${hashOf(original)}_${name.slice(-room)}`
}

/** The operator's name for an entry, or the server's own. */
const renamed = (rename: Renames, name: string): string =>
  (Object.hasOwn(rename, name) ? rename[name] : undefined) ?? name

/**
 * The served name of each of a server's names, in their order. A name depends on the server's other names only where
 * two of them differ in characters that are replaced: then all but one with exactly that name get a hash.
 */
export const servedNames = (
  { prefix, rename = {} }: Naming,
  names: ReadonlyArray<string>
): ReadonlyMap<string, string> => {
  const byName = new Map<string, Array<string>>()
  for (const name of new Set(names)) {
    const served = safe(renamed(rename, name))
    byName.set(served, [...(byName.get(served) ?? []), name])
  }
  const result = new Map<string, string>()
  for (const name of names) {
    const given = renamed(rename, name)
    const served = safe(given)
    const whole = `${before(prefix)}${served}`
    const ambiguous = (byName.get(served)?.length ?? 0) > 1 && given !== served
    result.set(name, whole.length <= longest && !ambiguous ? whole : shortened(prefix, served, name))
  }
  return result
}
