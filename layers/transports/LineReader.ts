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
    let rest = chunk
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      this.#add(rest.subarray(0, end))
      this.#flush()
      rest = rest.subarray(end + 1)
    }
    this.#add(rest)
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
    const [first, ...more] = this.#parts
    const skipped = this.#skipping
    this.#parts = []
    this.#length = 0
    this.#skipping = false
    if (skipped || first === undefined) return
    const line = more.length === 0 ? first : Buffer.concat([first, ...more])
    if (!isBlank(line)) this.#onLine(line)
  }
}
