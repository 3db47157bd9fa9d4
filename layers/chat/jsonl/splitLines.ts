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

/** The first complete line from `offset` on that is not blank. */
export const lineAt = (bytes: Buffer, offset: number): Found | undefined => {
  for (;;) {
    const end = bytes.indexOf(newline, offset)
    if (end < 0) return undefined
    const text = bytes.toString("utf8", offset, end)
    if (text.trim() !== "") return { line: parseLine(text), offset, length: end + 1 - offset }
    offset = end + 1
  }
}

/** Complete lines that are not blank, in order. */
export function* splitLines(bytes: Buffer): Generator<Found> {
  for (
    let found = lineAt(bytes, 0);
    found !== undefined;
    found = lineAt(bytes, found.offset + found.length)
  ) {
    yield found
  }
}

/** Lines that were stored with this one and follow it. */
export const moreOf = (line: Line | undefined): number =>
  line === undefined || isSegment(line) || isRemoved(line) ? 0 : (line.more ?? 0)
