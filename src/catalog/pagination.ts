/** Pagination of sorted entries: the cursor is the key of the last entry of a page, and stays valid across changes. */
import { Effect } from "effect"
import { InvalidCursor } from "./CatalogError.ts"
import type { Claim, Source } from "./EntryTable.ts"
import { jsonSize } from "./jsonSize.ts"

export interface ListPage<A> {
  readonly items: ReadonlyArray<A>
  readonly next?: string
  /** How long the page is valid, in milliseconds: the least that the sources of its entries say; if they say so. */
  readonly lifetime?: number
}

const encode = (name: string) => Buffer.from(`1:${name}`, "utf8").toString("base64url")

const decode = (cursor: string) => {
  const text = Buffer.from(cursor, "base64url").toString("utf8")
  return text.startsWith("1:") && encode(text.slice(2)) === cursor ? text.slice(2) : undefined
}

export interface PageLimits {
  readonly entries: number
  /** Approximate size of the entries as JSON, in bytes. A page has at least one entry, however large. */
  readonly bytes: number
}

const sizes = new WeakMap<object, number>()

/** Entries are immutable, so each is measured once. */
const jsonSizeOf = (item: object): number => {
  let size = sizes.get(item)
  if (size === undefined) sizes.set(item, (size = jsonSize(item, Infinity)))
  return size
}

/**
 * The page after the cursor; without a cursor the first page. `all` returns the claims sorted by key, starting after the
 * given key, and is read only as far as needed. Fails with `InvalidCursor`.
 */
export const page = <A extends object>(
  all: (after: string | undefined) => Iterable<Claim<A>>,
  lifetimeOf: (source: Source) => number | undefined,
  limits: PageLimits,
  cursor: string | undefined,
  sizeOf: (entry: A) => number = jsonSizeOf
): Effect.Effect<ListPage<A>, InvalidCursor> => {
  const after = cursor === undefined ? undefined : decode(cursor)
  if (cursor !== undefined && after === undefined) return Effect.fail(new InvalidCursor({ cursor }))
  const items: Array<A> = []
  let last: Claim<A> | undefined
  let next: string | undefined
  let bytes = 0
  let lifetime = Infinity
  for (const claim of all(after)) {
    bytes += sizeOf(claim.entry)
    if (last !== undefined && (items.length >= limits.entries || bytes > limits.bytes)) {
      next = encode(last.key)
      break
    }
    // Entries of one source usually have a common prefix, so they follow each other.
    if (claim.source !== last?.source) lifetime = Math.min(lifetime, lifetimeOf(claim.source) ?? Infinity)
    items.push(claim.entry)
    last = claim
  }
  return Effect.succeed({
    items,
    ...(next !== undefined && { next }),
    ...(lifetime !== Infinity && { lifetime })
  })
}
