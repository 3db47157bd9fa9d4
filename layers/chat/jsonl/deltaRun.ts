/** Finds lines that only continue a delta, without parsing each: they are most of what other processes write. */
import type { EventLine } from "./lines.ts"

const timeLength = 24
const [quote, brace, newline, zero] = [34, 125, 10, 48]

const isAt = (bytes: Buffer, offset: number, expected: Uint8Array): boolean => {
  for (let at = 0; at < expected.length; at++) if (bytes[offset + at] !== expected[at]) return false
  return true
}

export interface DeltaRun {
  /** Of all lines, in bytes. */
  readonly length: number
  readonly lastSeq: number
  readonly timestamp: string
}

/** The parts of a line before its time, its `seq` and its text. */
interface Parts {
  readonly key: string
  readonly beforeTime: Uint8Array
  readonly beforeSeq: Uint8Array
  readonly beforeText: Uint8Array
}

const partsOf = (key: string, { conversation, hop, request_id, type }: EventLine): Parts => ({
  key,
  beforeTime: Buffer.from(`{"type":"${type}","timestamp":"`),
  beforeSeq: Buffer.from(`","conversation":${JSON.stringify(conversation)},"seq":`),
  beforeText: Buffer.from(`,"request_id":${JSON.stringify(request_id)},"hop":${hop},"text":"`)
})
let latest: Parts = {
  key: "",
  beforeTime: Buffer.alloc(0),
  beforeSeq: Buffer.alloc(0),
  beforeText: Buffer.alloc(0)
}

/**
 * Lines from `offset` on that differ from delta `line` in time, `seq` and text only, as this program writes them. Whether the
 * text is well-formed is seen when it is read.
 */
export const deltaRun = (line: EventLine, bytes: Buffer, offset: number): DeltaRun | undefined => {
  const { conversation, hop = 0, request_id = "", type } = line
  const key = `${type} ${hop} ${conversation} ${request_id}`
  if (latest.key !== key) latest = partsOf(key, line)
  const { beforeSeq, beforeText, beforeTime } = latest
  let { seq } = line
  let end = offset
  let time = offset
  for (;;) {
    if (!isAt(bytes, end, beforeTime)) break
    const timeAt = end + beforeTime.length
    let at = timeAt + timeLength
    if (!isAt(bytes, at, beforeSeq)) break
    at += beforeSeq.length
    let value = 0
    for (let digit = (bytes[at] ?? 0) - zero; digit >= 0 && digit <= 9; digit = (bytes[at] ?? 0) - zero) {
      value = value * 10 + digit
      at++
    }
    if (value !== seq + 1 || !isAt(bytes, at, beforeText)) break
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
