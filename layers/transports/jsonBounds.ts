/** Counts keys, values and nesting of a JSON text before it is parsed: parsing costs far more than its size suggests. */
import { lazy } from "../../src/domain/lazy.ts"

export interface JsonBounds {
  /** Object members in the whole text. */
  readonly maxKeys: number
  /** Array elements and object members in the whole text. */
  readonly maxItems: number
  /** Levels of nested arrays and objects. */
  readonly maxDepth: number
}

/** What real requests stay far below; the section `server` overrides it. */
export const defaultBounds: JsonBounds = { maxKeys: 10_000, maxItems: 100_000, maxDepth: 128 }

/** As section `server` says. */
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

/** Longer strings are skipped by a native search; shorter ones are over before a search has begun. In bytes. */
const shortString = 64
/** Text is encoded in pieces of so many UTF-16 units, so that a large message is not copied whole. */
const piece = 64 * 1024
/** A unit of UTF-16 has at most 3 bytes in UTF-8. */
const scratch = lazy(() => new Uint8Array(3 * piece))
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

/** Counts in a text that comes in pieces. */
class Counter {
  readonly #bounds: JsonBounds
  #depth = 0
  #keys = 0
  #items = 0
  /** The last piece ended within a string, or behind a backslash in it. */
  #inString = false
  #escaped = false

  constructor(bounds: JsonBounds) {
    this.#bounds = bounds
  }

  /** What exceeds the bounds, once something does. */
  count(bytes: Uint8Array): string | undefined {
    const { maxDepth, maxItems, maxKeys } = this.#bounds
    const { length } = bytes
    let at = this.#inString ? this.#endOfString(bytes, 0) + 1 : 0
    for (; at < length; at++) {
      const byte = bytes[at] ?? 0
      if (byte === quote) at = this.#endOfString(bytes, at + 1)
      else if (byte === comma) {
        // One comma less than there are values in a list.
        if (++this.#items >= maxItems) {
          return `a message has at most ${maxItems} array elements and object members (server.max_items)`
        }
      } else if (byte === colon) {
        if (++this.#keys > maxKeys) return `a message has at most ${maxKeys} object keys (server.max_keys)`
      } else if ((byte | bracketBit) === opening) {
        if (++this.#depth > maxDepth) {
          return `a message is nested at most ${maxDepth} levels deep (server.max_depth)`
        }
      } else if ((byte | bracketBit) === closing) this.#depth--
    }
    return undefined
  }

  /** The index of the quote that ends the string, or the length. `start` is behind the quote that begins it. */
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
    // An escaped quote, or a backslash that is escaped itself: only reading from the start of the string can tell.
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

/** What exceeds the bounds, as a message; `undefined` if nothing does. Text that is not JSON is left to the parser. */
export const exceeded = (text: Uint8Array | string, bounds: JsonBounds): string | undefined => {
  if (isSmall(text, bounds)) return undefined
  const counter = new Counter(bounds)
  if (typeof text !== "string") return counter.count(text)
  for (let at = 0; at < text.length; at += piece) {
    const { written } = encoder.encodeInto(text.slice(at, at + piece), scratch())
    const wrong = counter.count(scratch().subarray(0, written))
    if (wrong !== undefined) return wrong
  }
  return undefined
}
