/** The beginning of a stream of bytes as valid UTF-8. */

export class Capture {
  readonly #most: number
  readonly #chunks: Array<Uint8Array> = []
  #kept = 0
  /** All bytes that were received. */
  received = 0

  /** `most`: bytes that are kept. */
  constructor(most: number) {
    this.#most = most
  }

  push(chunk: Uint8Array) {
    this.received += chunk.length
    const room = this.#most - this.#kept
    if (room <= 0) return
    // A copy: a part would keep the whole chunk in memory.
    const part = chunk.length <= room ? chunk : chunk.slice(0, room)
    this.#chunks.push(part)
    this.#kept += part.length
  }

  get truncated(): boolean {
    return this.received > this.#kept
  }

  /** Bytes that are not UTF-8 become U+FFFD; half a character at the end is dropped. */
  get text(): string {
    const decoder = new TextDecoder()
    const text = this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("")
    return this.truncated ? text : text + decoder.decode()
  }
}
