/** Splits bytes of a log into lines. */
import { isRemoved, isSegment, type Line, parseLine } from "./lines.ts"

export interface Found {
  /** Undefined: damaged. */
  readonly line: Line | undefined
  /** From the beginning of the bytes. */
  readonly offset: number
  /** With the end of the line. */
  readonly length: number
}

const newline = 10

/** Complete lines that are not blank, in order. */
export const splitLines = (bytes: Buffer): ReadonlyArray<Found> => {
  const found: Array<Found> = []
  let offset = 0
  for (;;) {
    const end = bytes.indexOf(newline, offset)
    if (end < 0) return found
    const text = bytes.toString("utf8", offset, end)
    if (text.trim() !== "") found.push({ line: parseLine(text), offset, length: end + 1 - offset })
    offset = end + 1
  }
}

/** Lines that were stored with this one and follow it. */
export const moreOf = (line: Line | undefined): number =>
  line === undefined || isSegment(line) || isRemoved(line) ? 0 : (line.more ?? 0)
