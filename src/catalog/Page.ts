/** Cuts an ordered list into pages whose cursor is the name of the last entry, so that pages survive changes. */
import { Effect } from "effect"
import { InvalidCursor } from "./CatalogError.ts"

export interface Page<A> {
  readonly items: ReadonlyArray<A>
  readonly next?: string
}

const encode = (name: string) => Buffer.from(`1:${name}`, "utf8").toString("base64url")

const decode = (cursor: string) => {
  const text = Buffer.from(cursor, "base64url").toString("utf8")
  return text.startsWith("1:") && encode(text.slice(2)) === cursor ? text.slice(2) : undefined
}

/** `items` are sorted by `key`; without a cursor the first page. Fails with `InvalidCursor`. */
export const page = <A>(
  items: ReadonlyArray<A>,
  key: (item: A) => string,
  size: number,
  cursor: string | undefined
): Effect.Effect<Page<A>, InvalidCursor> => {
  if (cursor === undefined && items.length <= size) return Effect.succeed({ items })
  let start = 0
  if (cursor !== undefined) {
    const last = decode(cursor)
    if (last === undefined) return Effect.fail(new InvalidCursor({ cursor }))
    start = items.findIndex((item) => key(item) > last)
    if (start < 0) start = items.length
  }
  const cut = items.slice(start, start + size)
  const last = cut.at(-1)
  const more = start + size < items.length && last !== undefined
  return Effect.succeed(more ? { items: cut, next: encode(key(last)) } : { items: cut })
}
