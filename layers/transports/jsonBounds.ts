/** Limits keys, values and nesting of a JSON text before parsing, whose cost can be far out of proportion to its size. */
import { lazy } from "../../src/domain/lazy.ts"

export interface JsonBounds {
  /** Object members in the whole text. */
  readonly maxKeys: number
  /** Array elements and object members in the whole text. */
  readonly maxItems: number
  /** Levels of nested arrays and objects. */
  readonly maxDepth: number
}

/** Far above real requests; overridden by the section `server`. */
export const defaultBounds: JsonBounds = { maxKeys: 10_000, maxItems: 100_000, maxDepth: 128 }

/** From the section `server`. */
export const boundsOf = ({
  max_depth: maxDepth,
  max_items: maxItems,
  max_keys: maxKeys
}: {
  readonly max_keys: number
  readonly max_items: number
  readonly max_depth: number
}): JsonBounds => ({ maxKeys, maxItems, maxDepth })

const quote = 0x22
const comma = 0x2c
const colon = 0x3a
const backslash = 0x5c
/** `{` and `[` differ in this bit only, and so do `}` and `]`. */
const bracketBit = 0x20
const opening = 0x7b
const closing = 0x7d
/** The shortest member of an object is `"":0` and a comma. */
const bytesPerKey = 4

/** Longer strings, in bytes, are skipped by native search, which is slower for short ones. */
const shortString = 64
/** Text is encoded in chunks of this many UTF-16 units, so that a large message is not copied as a whole. */
const chunk = 64 * 1024
/** A unit of UTF-16 has at most 3 bytes in UTF-8. */
const scratch = lazy(() => new Uint8Array(3 * chunk))
const encoder = new TextEncoder()

/** Whether a text is too short for too many keys and values, and has too few brackets to be nested too deeply. */
const isSmall = (text: Uint8Array | string, { maxDepth, maxItems, maxKeys }: JsonBounds): boolean => {
  const { length } = text
  if (length > maxKeys * bytesPerKey || length > maxItems) return false
  let brackets = 0
  if (typeof text === "string") {
    for (let at = 0; at < length; at++) if ((text.charCodeAt(at) | bracketBit) === opening) brackets++
  } else {
    for (let at = 0; at < length; at++) if (((text[at] ?? 0) | bracketBit) === opening) brackets++
  }
  return brackets <= maxDepth
}

/** Incremental counter over chunks of a text. */
class Counter {
  readonly #bounds: JsonBounds
  #depth = 0
  #keys = 0
  #items = 0
  /** The last chunk ended within a string, or after a backslash in it. */
  #inString = false
  #escaped = false

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds
  }

  /** A message about the first exceeded bound. */
  count(bytes: Uint8Array): string | undefined {
    const { maxDepth, maxItems, maxKeys } = this.#bounds
    const { length } = bytes
    let at = this.#inString ? this.#endOfString(bytes, 0) + 1 : 0
    for (; at < length; at++) {
      const byte = bytes[at] ?? 0
      if (byte === quote) at = this.#endOfString(bytes, at + 1)
      else if (byte === comma) {
        // A list has one comma less than values.
        if (++this.#items >= maxItems) {
          return `more than ${maxItems} array elements and object members (server.max_items)`
        }
      } else if (byte === colon) {
        if (++this.#keys > maxKeys) return `more than ${maxKeys} object keys (server.max_keys)`
      } else if ((byte | bracketBit) === opening) {
        if (++this.#depth > maxDepth) {
          return `nested deeper than ${maxDepth} levels (server.max_depth)`
        }
      } else if ((byte | bracketBit) === closing) this.#depth--
    }
    return undefined
  }

  /** The index of the closing quote, or the length. `start` is after the opening quote. */
  #endOfString(bytes: Uint8Array, start: number): number {
    const { length } = bytes
    let at = this.#escaped ? start + 1 : start
    this.#escaped = false
    this.#inString = false
    for (const near = Math.min(length, start + shortString); at < near; at++) {
      const byte = bytes[at]
      if (byte === quote) return at
      if (byte === backslash) at++
    }
    const found = at < length ? bytes.indexOf(quote, at) : -1
    if (found >= 0 && bytes[found - 1] !== backslash) return found
    // An escaped quote or an escaped backslash: distinguishable only from the start of the string.
    for (; at < length; at++) {
      const byte = bytes[at]
      if (byte === quote) return at
      if (byte === backslash) at++
    }
    this.#inString = true
    this.#escaped = at > length
    return length
  }
}

/** A message about the first exceeded bound, or `undefined`. Invalid JSON is left to the parser. */
export const exceeded = (text: Uint8Array | string, bounds: JsonBounds): string | undefined => {
  if (isSmall(text, bounds)) return undefined
  const counter = new Counter(bounds)
  if (typeof text !== "string") return counter.count(text)
  for (let at = 0; at < text.length; at += chunk) {
    const { written } = encoder.encodeInto(text.slice(at, at + chunk), scratch())
    const wrong = counter.count(scratch().subarray(0, written))
    if (wrong !== undefined) return wrong
  }
  return undefined
}
