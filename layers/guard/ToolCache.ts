/** Cache of tool results, keyed by tool and canonical arguments. */
import { BoundedCache } from "../cache/BoundedCache.ts"

/** Sizes are in characters of JSON, keys included. */
export interface CacheBounds {
  readonly maxEntries: number
  readonly maxSize: number
  /** For results of one principal's calls. */
  readonly maxSizePerOwner?: number
}

/** Arguments beyond these bounds are not cached: comparing them costs too much. In characters, and in levels. */
const maxLength = 16 * 1024
const maxDepth = 64

/**
 * JSON with sorted object keys, so that equal arguments have equal text; `undefined` for arguments that are too large or
 * too deep. The arguments have not been validated yet.
 */
export const canonical = (value: unknown): string | undefined => {
  let left = maxLength
  const write = (inner: unknown, depth: number): string => {
    if (depth > maxDepth || (typeof inner === "string" && inner.length > left)) left = -1
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
  readonly #cache: BoundedCache<{ readonly name: string; readonly result: unknown }>
  #epoch = 0

  constructor(bounds: CacheBounds) {
    this.#cache = new BoundedCache(bounds)
  }

  get entries(): number {
    return this.#cache.entries
  }

  /** Changes with each invalidation: the result of a call that started before is out of date. */
  get epoch(): number {
    return this.#epoch
  }

  /** Times are in milliseconds. */
  get(key: string, now: number): { readonly value: unknown } | undefined {
    const found = this.#cache.get(key, now)
    return found && { value: found.value.result }
  }

  /** Caches the value unless it is too large or cannot be written as JSON. Its size counts towards the owner's share. */
  put(key: string, name: string, value: unknown, until: number, owner?: string): void {
    const length = sizeOf(value)
    if (length !== undefined) this.#cache.put(key, { name, result: value }, key.length + length, until, owner)
  }

  /** Removes the results of these tools, or all. */
  invalidate(names?: ReadonlySet<string>): void {
    this.#epoch++
    this.#cache.drop(names && (({ name }) => names.has(name)))
  }
}
