/** Batches of log lines as UTF-8, and the reusable buffer that they are appended to. */

export interface Batch {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The first byte, and the one after the last. */
  readonly start: number
  readonly end: number
  readonly lines: number
}

export const lineFeed = 10

const encoder = new TextEncoder()

/** A batch of one line with its own buffer. */
export const of = (line: string): Batch => {
  const bytes = encoder.encode(`${line}\n`)
  return { bytes, start: 0, end: bytes.length, lines: 1 }
}

/** Appends text to a buffer; when full, continues in a freed or new buffer. */
export class BatchBuffer {
  readonly #size: number
  #bytes = new Uint8Array()
  #spare: Uint8Array<ArrayBuffer> | undefined
  #end = 0

  /** `size` is in bytes. A longer text gets a larger buffer. */
  constructor(size: number) {
    this.#size = size
  }

  append(text: string, lines: number): Batch {
    // UTF-8 takes at most three bytes for a UTF-16 code unit.
    const most = text.length * 3
    if (this.#end + most > this.#bytes.length) {
      const reused = most <= this.#size ? this.#spare : undefined
      if (reused !== undefined) this.#spare = undefined
      this.#bytes = reused ?? new Uint8Array(Math.max(this.#size, most))
      this.#end = 0
    }
    const start = this.#end
    this.#end += encoder.encodeInto(text, this.#bytes.subarray(start)).written
    return { bytes: this.#bytes, start, end: this.#end, lines }
  }

  /** Returns a buffer that is no longer read, for reuse. */
  free(bytes: Uint8Array<ArrayBuffer>) {
    if (bytes !== this.#bytes && bytes.length === this.#size) this.#spare = bytes
  }
}
