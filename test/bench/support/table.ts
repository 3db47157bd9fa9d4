/** The results as a text table and as JSON. */
import { ratio, type Line } from "./Row.ts"
import { spread, type Spread } from "./stats.ts"

const number = (value: number): string => {
  const size = Math.abs(value)
  const digits = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : 2
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

const show = (figures: Spread | undefined, failure: string | undefined): string => {
  if (failure !== undefined) return "failed"
  return figures === undefined ? "–" : [figures.min, figures.median, figures.max].map(number).join(" / ")
}

const head = ["measure", "better", "ours", "peer", "peer's", "ours / peer"]

/** Figures are min / median / max over the rounds; failures are listed under the table. */
export const table = (lines: ReadonlyArray<Line>): string => {
  const cells = lines.map((line) => [
    `${line.measure} [${line.unit}]`,
    line.better,
    show(spread(line.ours), line.oursFailed),
    line.peer,
    show(spread(line.theirs), line.peerFailed),
    show(ratio(line), undefined)
  ])
  const widths = head.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0))
  )
  const text = (row: ReadonlyArray<string>) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`
  const why = lines.flatMap(({ oursFailed, peer, peerFailed }) => [
    ...(oursFailed === undefined ? [] : [`ours failed: ${oursFailed}`]),
    ...(peerFailed === undefined ? [] : [`${peer} failed: ${peerFailed}`])
  ])
  return [text(head), rule, ...cells.map(text), ...new Set(why)].join("\n")
}

/** The results as JSON: the numbers of every round, and their statistics. */
export const data = (lines: ReadonlyArray<Line>) =>
  lines.map((line) => ({
    ...line,
    spread: { ours: spread(line.ours), theirs: spread(line.theirs), ratio: ratio(line) }
  }))
