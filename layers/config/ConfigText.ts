/** What a parsed configuration text is, whichever syntax it was written in. */
import type { Path } from "./ConfigInvalid.ts"

/** Something wrong with the text itself. Offsets count UTF-16 units from the start. */
export interface Fault {
  readonly offset: number
  readonly message: string
}

export interface ConfigText {
  readonly value: unknown
  readonly faults: ReadonlyArray<Fault>
  /** Where the key or the value at `path` begins; for what does not exist, its nearest ancestor. */
  readonly locate: (path: Path, part: "key" | "value") => number
}

/** No configuration is nested deeper; what is deeper was made to hurt. */
export const mostNested = 64

/** `3:9`, counted from 1. */
export const position = (text: string, offset: number): string => {
  const before = text.slice(0, offset)
  return `${before.split("\n").length}:${offset - before.lastIndexOf("\n")}`
}
