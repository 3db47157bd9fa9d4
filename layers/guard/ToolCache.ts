/** Cached results of tools, by their arguments. */
import { BoundedCache } from "../cache/BoundedCache.ts"

/** Sizes are characters of results as JSON, with their keys. */
export interface CacheBounds {
  readonly maxEntries: number
  readonly maxSize: number
  /** Of results of one principal's calls. */
  readonly maxSizePerOwner?: number
}

/** Arguments beyond these bounds cost more to compare than is ever gained: in characters, and in levels. */
const longest = 16 * 1024
const deepest = 64

/**
 * JSON with the keys of objects in order, so that the same arguments make the same text; `undefined` for arguments that
 * are too large or too deep. Nobody has checked them yet.
 */
export const canonical = (value: unknown): string | undefined => {
  let left = longest
  const write = (inner: unknown, depth: number): string => {
    if (depth > deepest || (typeof inner === "string" && inner.length > left)) left = -1
    if (left < 0) return ""
    if (typeof inner !== "object" || inner === null) {
      const text = JSON.stringify(inner) ?? "null"
      left -= text.length
      return text
    }
    left -= 2
    if (Array.isArray(inner)) {
      if (inner.length > left) left = -1
      return left < 0 ? "" : `[${inner.map((each) => write(each, depth + 1)).join()}]`
    }
    const keys = Object.keys(inner)
    if (keys.length > left) left = -1
    if (left < 0) return ""
    const given = inner as Readonly<Record<string, unknown>>
    const fields = keys
      .toSorted()
      .map((key) => (left < 0 ? "" : `${write(key, depth)}:${write(given[key], depth + 1)}`))
    return `{${fields.join()}}`
  }
  const text = write(value, 0)
  return left < 0 ? undefined : text
}

const sizeOf = (value: unknown): number | undefined => {
  try {
    return JSON.stringify(value)?.length
  } catch {
    return undefined
  }
}

export class ToolCache {
  readonly #kept: BoundedCache<{ readonly name: string; readonly answer: unknown }>
  #epoch = 0

  constructor(bounds: CacheBounds) {
    this.#kept = new BoundedCache(bounds)
  }

  get entries(): number {
    return this.#kept.entries
  }

  /** Changes with each invalidation: the result of a call that began before it may be out of date. */
  get epoch(): number {
    return this.#epoch
  }

  /** The cached result of the key; `now` and all times in milliseconds. */
  get(key: string, now: number): { readonly value: unknown } | undefined {
    const found = this.#kept.get(key, now)
    return found && { value: found.value.answer }
  }

  /** Caches the value unless it exceeds the total size or is not JSON; it counts to the share of the owner. */
  put(key: string, name: string, value: unknown, until: number, owner?: string): void {
    const length = sizeOf(value)
    if (length !== undefined) this.#kept.put(key, { name, answer: value }, key.length + length, until, owner)
  }

  /** Removes the results of those tools, or all. */
  invalidate(names?: ReadonlySet<string>): void {
    this.#epoch++
    this.#kept.drop(names && (({ name }) => names.has(name)))
  }
}
