/** Lines of deltas, which are most of the log: those of one message differ in time, `seq` and text only. */
import type { Delta } from "../ChatEvent.ts"

/** The parts of a line before its time, its `seq` and its text. */
export interface DeltaParts {
  readonly beforeTime: string
  readonly beforeSeq: string
  readonly beforeText: string
}

export const partsOf = (line: {
  readonly type: string
  readonly conversation: string
  readonly request_id?: string
  readonly hop?: number
}): DeltaParts => ({
  beforeTime: `{"type":"${line.type}","timestamp":"`,
  beforeSeq: `","conversation":${JSON.stringify(line.conversation)},"seq":`,
  beforeText: `,"request_id":${JSON.stringify(line.request_id)},"hop":${line.hop},"text":`
})

const [zero, brace, newline] = [48, 125, 10]
/** Each escaped character of a text as UTF-8. */
const maxUtf8Bytes = 3

/** Encodes deltas of one message as `JSON.stringify` does, and writes only what differs from the line before. */
export class DeltaEncoder {
  /** Has the line until the next call. */
  readonly buffer = Buffer.allocUnsafe(64 * 2 ** 10)
  #parts = partsOf({ type: "", conversation: "" })
  #timestamp = ""
  #seq = 0
  /** The first `seq` with more digits. */
  #longer = 0
  #seqEnd = 0
  #textAt = 0

  /** Deltas of this message follow. False: they are too long. */
  begin(message: Delta): boolean {
    this.#parts = partsOf(message)
    this.#head(message.seq, message.timestamp)
    return this.#textAt < this.buffer.length / 2
  }

  /** The length of the line in bytes. Undefined: it is too long. */
  encode(seq: number, timestamp: string, text: string): number | undefined {
    const { buffer } = this
    const json = JSON.stringify(text)
    if (json.length * maxUtf8Bytes >= buffer.length / 2) return undefined
    if (timestamp !== this.#timestamp || seq < this.#seq || seq >= this.#longer) this.#head(seq, timestamp)
    this.#seq = seq
    let rest = seq
    for (let at = this.#seqEnd - 1; rest > 0; at--) {
      const tens = Math.floor(rest / 10)
      buffer[at] = zero + rest - tens * 10
      rest = tens
    }
    const end = this.#textAt + buffer.write(json, this.#textAt)
    buffer[end] = brace
    buffer[end + 1] = newline
    return end + 2
  }

  #head(seq: number, timestamp: string) {
    const { beforeSeq, beforeText, beforeTime } = this.#parts
    this.#timestamp = timestamp
    this.#longer = 10 ** String(seq).length
    this.#seqEnd = this.buffer.write(`${beforeTime}${timestamp}${beforeSeq}${seq}`)
    this.#textAt = this.#seqEnd + this.buffer.write(beforeText, this.#seqEnd)
  }
}
