/** Lays out the lines of a list in columns. */

/** Columns as wide as their longest cell; empty cells at the end of a line are omitted. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = rows.reduce<ReadonlyArray<number>>(
    (before, cells) => cells.map((cell, index) => Math.max(cell.length, before[index] ?? 0)),
    []
  )
  return rows.map((cells) =>
    cells
      .flatMap((cell, index) => (widths[index] === 0 ? [] : [cell.padEnd(widths[index] ?? 0)]))
      .join("  ")
      .trimEnd()
  )
}
