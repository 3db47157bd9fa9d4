/** "Did you mean …": finds the closest known name (edit distance). */

/** Damerau–Levenshtein distance: insertions, deletions, substitutions and transpositions. */
const distance = (a: string, b: string): number => {
  const rows: Array<Array<number>> = []
  const at = (row: number, column: number) => rows[row]?.[column] ?? 0
  for (let row = 0; row <= a.length; row++) {
    const current: Array<number> = []
    rows.push(current)
    for (let column = 0; column <= b.length; column++) {
      if (row === 0 || column === 0) {
        current.push(row + column)
        continue
      }
      const cost = a[row - 1] === b[column - 1] ? 0 : 1
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + cost,
          swapped ? at(row - 2, column - 2) + 1 : Number.POSITIVE_INFINITY
        )
      )
    }
  }
  return at(a.length, b.length)
}

/** Those of `known` that differ by at most a third of their letters, or only in case and separators; the nearest first. */
export const suggestNames = (written: string, known: ReadonlyArray<string>): ReadonlyArray<string> => {
  if (written.length > 64) return []
  const plain = (name: string) => name.toLowerCase().replace(/[-_ ]/g, "")
  const ranked = known
    .map((name) => ({ name, distance: distance(plain(written), plain(name)) }))
    .filter((candidate) => candidate.distance <= Math.max(1, Math.floor(candidate.name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
  return ranked.map(({ name }) => name)
}

/** The nearest of them. */
export const suggestName = (written: string, known: ReadonlyArray<string>): string | undefined =>
  suggestNames(written, known)[0]
