/** Splits a byte stream into lines. A line over the limit is reported and skipped. */

const newline = 0x0a

/** Spaces, tabs, CR, and a byte order mark (EF BB BF). */
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d, 0xef, 0xbb, 0xbf])
const longestBlank = 16
/** A line without a message. */
const isBlank = (line: Uint8Array) => line.byteLength <= longestBlank && line.every((byte) => blank.has(byte))

export class LineReader {
  readonly #maxBytes: number
  readonly #onLine: (line: Uint8Array) => void
  readonly #onTooLong: () => void
  #parts: Array<Uint8Array> = []
  #length = 0
  #skipping = false

  /** `maxBytes`: longest line. */
  constructor(maxBytes: number, onLine: (line: Uint8Array) => void, onTooLong: () => void) {
    this.#maxBytes = maxBytes
    this.#onLine = onLine
    this.#onTooLong = onTooLong
  }

  push(chunk: Uint8Array) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      this.#add(chunk.subarray(start, end))
      this.#flush()
      start = end + 1
    }
    if (start < chunk.byteLength) this.#add(start === 0 ? chunk : chunk.subarray(start))
  }

  /** End of input: the rest is the last line, without a line feed. */
  end() {
    this.#flush()
  }

  #add(part: Uint8Array) {
    if (this.#skipping || part.byteLength === 0) return
    this.#length += part.byteLength
    if (this.#length > this.#maxBytes) {
      this.#skipping = true
      this.#parts = []
      this.#onTooLong()
      return
    }
    this.#parts.push(part)
  }

  #flush() {
    const parts = this.#parts
    const [first] = parts
    this.#length = 0
    this.#skipping = false
    if (first === undefined) return
    this.#parts = []
    const line = parts.length === 1 ? first : Buffer.concat(parts)
    if (!isBlank(line)) this.#onLine(line)
  }
}
