/** A parsed configuration text, JSON or YAML, with source locations. */
import type { Path } from "./ConfigInvalid.ts"

/** A syntax error. Offsets are UTF-16 units from the start. */
export interface Fault {
  readonly offset: number
  readonly message: string
}

export interface ConfigText {
  readonly value: unknown
  readonly faults: ReadonlyArray<Fault>
  /** Offset of the key or value at `path`; for an absent path, of its nearest ancestor. */
  readonly locate: (path: Path, part: "key" | "value") => number
}

/** Maximum nesting; real configurations stay far below. */
export const mostNested = 64

/** `3:9`, counted from 1. */
export const position = (text: string, offset: number): string => {
  const before = text.slice(0, offset)
  return `${before.split("\n").length}:${offset - before.lastIndexOf("\n")}`
}
