/** Splits a byte stream into lines. A line over the limit is reported and skipped. */

const newline = 0x0a

/** Spaces, tabs, CR, and a byte order mark (EF BB BF). */
const blank: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d, 0xef, 0xbb, 0xbf])
const longestBlank = 16
/** A line without a message. */
const isBlank = (line: Uint8Array) => line.byteLength <= longestBlank && line.every((byte) => blank.has(byte))

/** Bytes at the start and at the end of a skipped line that are kept. */
const edge = 128
const nothing = new Uint8Array()

/** Receives the start and the end of a skipped line. */
export type OnSkipped = (start: Uint8Array, end: Uint8Array) => void

export class LineReader {
  readonly #maxBytes: number
  readonly #onLine: (line: Uint8Array) => void
  readonly #onTooLong: () => void
  readonly #onSkipped: OnSkipped | undefined
  #parts: Array<Uint8Array> = []
  #length = 0
  #skipping = false
  /** Of the line that is skipped. */
  #start = nothing
  #end = nothing

  /** `maxBytes`: longest line. `onTooLong`: called as soon as a line is longer; `onSkipped`: at its end. */
  constructor(
    maxBytes: number,
    onLine: (line: Uint8Array) => void,
    onTooLong: () => void,
    onSkipped?: OnSkipped
  ) {
    this.#maxBytes = maxBytes
    this.#onLine = onLine
    this.#onTooLong = onTooLong
    this.#onSkipped = onSkipped
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
    if (part.byteLength === 0) return
    if (this.#skipping) {
      this.#end = part.byteLength >= edge ? part.slice(-edge) : Buffer.concat([this.#end, part]).slice(-edge)
      return
    }
    this.#length += part.byteLength
    if (this.#length > this.#maxBytes) {
      this.#skipping = true
      const line = Buffer.concat([...this.#parts, part])
      this.#start = Uint8Array.from(line.subarray(0, edge))
      this.#end = Uint8Array.from(line.subarray(-edge))
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
    if (this.#skipping) {
      this.#skipping = false
      this.#onSkipped?.(this.#start, this.#end)
      this.#start = this.#end = nothing
    }
    if (first === undefined) return
    this.#parts = []
    const line = parts.length === 1 ? first : Buffer.concat(parts)
    if (!isBlank(line)) this.#onLine(line)
  }
}
