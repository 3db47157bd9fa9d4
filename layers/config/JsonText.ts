/** JSON parser with source locations (RFC 8259). */
import type { Path } from "./ConfigInvalid.ts"
import { mostNested, type Fault, type ConfigText } from "./ConfigText.ts"

class Unexpected extends Error {
  readonly offset: number
  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

interface Location {
  readonly key: number
  readonly value: number
}

const string = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y
const space = /[ \t\r\n]*/y

class Reader {
  offset = 0
  readonly faults: Array<Fault> = []
  readonly places = new Map<string, Location>()
  readonly text: string
  constructor(text: string) {
    this.text = text
  }

  match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.offset += found.length
    return found
  }

  /** Consumes `character` if it comes next after white space. */
  take(character: string): boolean {
    this.match(space)
    if (this.text[this.offset] !== character) return false
    this.offset++
    return true
  }

  expect(character: string, where: string): void {
    if (!this.take(character)) throw new Unexpected(this.offset, `expected "${character}" ${where}`)
  }

  value(path: ReadonlyArray<string | number>, key: number): unknown {
    this.match(space)
    if (path.length > mostNested) throw new Unexpected(this.offset, `nested deeper than ${mostNested} levels`)
    this.places.set(JSON.stringify(path), { key, value: this.offset })
    if (this.take("{")) return this.members(path)
    if (this.take("[")) return this.elements(path)
    const scalar = this.match(string) ?? this.match(word) ?? this.match(number)
    if (scalar === undefined) throw new Unexpected(this.offset, "expected a JSON value")
    return JSON.parse(scalar)
  }

  members(path: ReadonlyArray<string | number>): unknown {
    const entries = new Map<string, unknown>()
    if (this.take("}")) return {}
    do {
      this.match(space)
      const start = this.offset
      const written = this.match(string)
      if (written === undefined) throw new Unexpected(start, "expected a key in double quotes")
      const key: string = JSON.parse(written)
      if (entries.has(key)) this.faults.push({ offset: start, message: "duplicate key" })
      this.expect(":", "after the key")
      entries.set(key, this.value([...path, key], start))
    } while (this.take(","))
    this.expect("}", "or a comma")
    return Object.fromEntries(entries)
  }

  elements(path: ReadonlyArray<string | number>): unknown {
    const values: Array<unknown> = []
    if (this.take("]")) return values
    do {
      values.push(this.value([...path, values.length], this.offset))
    } while (this.take(","))
    this.expect("]", "or a comma")
    return values
  }
}

export const parse = (text: string): ConfigText => {
  const reader = new Reader(text)
  const locate = (path: Path, part: "key" | "value"): number => {
    for (let length = path.length; length >= 0; length--) {
      const place = reader.places.get(JSON.stringify(path.slice(0, length)))
      if (place !== undefined) return length === path.length ? place[part] : place.value
    }
    return 0
  }
  try {
    const value = reader.value([], 0)
    reader.match(space)
    if (reader.offset < text.length) throw new Unexpected(reader.offset, "expected nothing after the value")
    return { value, faults: reader.faults, locate }
  } catch (error) {
    if (!(error instanceof Unexpected)) throw error
    const fault = { offset: error.offset, message: `not JSON: ${error.message}` }
    return { value: undefined, faults: [...reader.faults, fault], locate }
  }
}
