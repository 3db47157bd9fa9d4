/** Finds lines that only continue a delta, without parsing each: they are most of what other processes write. */
import { partsOf } from "./deltaLines.ts"
import type { EventLine } from "./lines.ts"

const timeLength = 24
const [quote, brace, newline, zero] = [34, 125, 10, 48]

/** Bytes that are compared with those of a line, four at a time, which takes half of the time. */
class Expected {
  readonly length: number
  readonly #words: Int32Array
  readonly #rest: Uint8Array

  constructor(text: string) {
    const bytes = Buffer.from(text)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.length = bytes.length
    this.#words = Int32Array.from({ length: bytes.length >> 2 }, (_, at) => view.getInt32(at * 4, true))
    this.#rest = Uint8Array.from(bytes.subarray(this.#words.length * 4))
  }

  isAt(view: DataView, offset: number): boolean {
    if (offset + this.length > view.byteLength) return false
    const words = this.#words
    const rest = this.#rest
    // `for of` takes ten times longer.
    for (let at = 0; at < words.length; at++, offset += 4)
      if (view.getInt32(offset, true) !== words[at]) return false
    for (let at = 0; at < rest.length; at++, offset++) if (view.getUint8(offset) !== rest[at]) return false
    return true
  }
}

export interface DeltaRun {
  /** Of all lines, in bytes. */
  readonly length: number
  readonly lastSeq: number
  readonly timestamp: string
}

const expectedOf = (key: string, line: EventLine) => {
  const { beforeSeq, beforeText, beforeTime } = partsOf(line)
  return {
    key,
    beforeTime: new Expected(beforeTime),
    beforeSeq: new Expected(beforeSeq),
    beforeText: new Expected(`${beforeText}"`)
  }
}
let latest: ReturnType<typeof expectedOf> | undefined

/**
 * Lines from `offset` on that differ from delta `line` in time, `seq` and text only, as this program writes them. Whether the
 * text is well-formed is seen when it is read.
 */
export const deltaRun = (line: EventLine, bytes: Buffer, offset: number): DeltaRun | undefined => {
  const { conversation, hop = 0, request_id = "", type } = line
  const key = `${type} ${hop} ${conversation} ${request_id}`
  if (latest?.key !== key) latest = expectedOf(key, line)
  const { beforeSeq, beforeText, beforeTime } = latest
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let { seq } = line
  let end = offset
  let time = offset
  for (;;) {
    if (!beforeTime.isAt(view, end)) break
    const timeAt = end + beforeTime.length
    let at = timeAt + timeLength
    if (!beforeSeq.isAt(view, at)) break
    at += beforeSeq.length
    let value = 0
    for (let digit = (bytes[at] ?? 0) - zero; digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - zero) {
      value = value * 10 + digit
      at++
    }
    if (value !== seq + 1 || !beforeText.isAt(view, at)) break
    const newlineAt = bytes.indexOf(newline, at)
    if (newlineAt < 0 || bytes[newlineAt - 1] !== brace || bytes[newlineAt - 2] !== quote) break
    seq = value
    time = timeAt
    end = newlineAt + 1
  }
  return end === offset
    ? undefined
    : { length: end - offset, lastSeq: seq, timestamp: bytes.toString("latin1", time, time + timeLength) }
}
