/** Minimum, median and maximum of several rounds. */

export interface Spread {
  readonly min: number
  readonly median: number
  readonly max: number
}

/** `undefined` for an empty list. */
export const spread = (figures: ReadonlyArray<number>): Spread | undefined => {
  const sorted = figures.toSorted((a, b) => a - b)
  const at = (index: number) => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  if (sorted.length === 0) return undefined
  return {
    min: at(0),
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    max: at(sorted.length - 1)
  }
}
