/** Cuts a byte stream into lines; a line that is too long is reported and skipped, and the rest is still read. */

const newline = 0x0a

/** Spaces and tabs, the CR of Windows, and a byte order mark (EF BB BF). */
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d, 0xef, 0xbb, 0xbf])
const longestBlank = 16
/** A line that separates or ends messages, and has none. */
const isBlank = (line: Uint8Array) => line.byteLength <= longestBlank && line.every((byte) => blank.has(byte))

export class LineReader {
  readonly #most: number
  readonly #onLine: (line: Uint8Array) => void
  readonly #onTooLong: () => void
  #parts: Array<Uint8Array> = []
  #length = 0
  #skipping = false

  /** `most`: bytes in one line. */
  constructor(most: number, onLine: (line: Uint8Array) => void, onTooLong: () => void) {
    this.#most = most
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

  /** The input has ended: what is left is the last line, without a line end. */
  end() {
    this.#flush()
  }

  #add(part: Uint8Array) {
    if (this.#skipping || part.byteLength === 0) return
    this.#length += part.byteLength
    if (this.#length > this.#most) {
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
