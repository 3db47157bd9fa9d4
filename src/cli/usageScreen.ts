/** The lines of `manifold usage`: totals, bars of limits, a chart of cost, and the models, tools and principals that cost most. */
import type { Report } from "../../layers/usage/UsageReport.ts"
import type { Color } from "./terminalColors.ts"

type Style = (color: Color, text: string) => string

const blocks = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const
const barWidth = 24
/** Rows of the chart. */
const chartHeight = 4
/** Maximum rows of one list. */
const mostListed = 5

/** Rounds to cents; amounts below a cent have two significant digits. */
const dollars = (usd: string): string => {
  const amount = Number(usd)
  if (amount === 0) return "$0"
  if (amount >= 0.01) return `$${amount.toFixed(2)}`
  return `$${Number(amount.toPrecision(2)).toFixed(Math.min(12, 1 - Math.floor(Math.log10(amount))))}`
}

const count = (value: number): string => value.toLocaleString("en-US")

/** Columns as wide as their widest text; the first is text, the others are numbers. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((text, column) =>
        column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)
      )
      .join("   ")
      .trimEnd()
  )
}

const indented = (lines: ReadonlyArray<string>) => lines.map((line) => `  ${line}`)

const amounts = (sums: Report["totals"]["hour"]) => [
  `${count(sums.calls)} calls`,
  `${count(sums.usage.total_tokens)} tokens`,
  dollars(sums.cost_usd)
]

const limitLine = (limit: Report["limits"][number], style: Style): string => {
  const name = limit.limit.padEnd(16)
  if (!("spent_usd" in limit)) return `${name}  at most ${dollars(limit.max_usd)} for each request`
  const [max, spent, held] = [Number(limit.max_usd), Number(limit.spent_usd), Number(limit.held_usd)]
  const share = max === 0 ? 1 : Math.min(1, (spent + held) / max)
  const filled = Math.round(share * barWidth)
  const color = share >= 0.9 ? "red" : share >= 0.7 ? "yellow" : "green"
  const bar = `${style(color, "█".repeat(filled))}${"░".repeat(barWidth - filled)}`
  const parts = [`${dollars(limit.spent_usd)} of ${dollars(limit.max_usd)}`]
  if (held > 0) parts.push(`${dollars(limit.held_usd)} held`)
  if (limit.resets_at !== undefined) {
    parts.push(`${dollars(limit.projected_usd ?? "0")} expected until ${limit.resets_at.slice(11, 16)} UTC`)
  }
  return `${name}  ${bar}  ${parts.join(", ")}`
}

/** One column for each step, in rows of blocks. */
const chart = ({ series }: Report): ReadonlyArray<string> => {
  const costs = series.map(({ cost_usd }) => Number(cost_usd))
  const highest = Math.max(...costs)
  const steps = chartHeight * blocks.length
  const levels = costs.map((cost) => (cost === 0 ? 0 : Math.max(1, Math.round((cost / highest) * steps))))
  return Array.from({ length: chartHeight }, (_, row) => {
    const below = (chartHeight - 1 - row) * blocks.length
    return levels
      .map((level) => {
        const block = blocks[Math.min(blocks.length, level - below) - 1]
        return `${block ?? " "} `
      })
      .join("")
      .trimEnd()
  })
}

const axis = ({ series, window }: Report): string => {
  const isHourly = window === "hour" || window === "day"
  const label = (at: string) => (isHourly ? at.slice(11, 13) : at.slice(8, 10))
  return series
    .map(({ at }, index) => (index % 3 === 0 ? label(at).padEnd(6) : ""))
    .join("")
    .trimEnd()
}

const list = (title: string, rows: ReadonlyArray<readonly [string, Report["totals"]["hour"]]>) =>
  rows.length === 0
    ? []
    : [
        "",
        title,
        ...indented(table(rows.slice(0, mostListed).map(([name, sums]) => [name, ...amounts(sums)])))
      ]

const spans = { hour: "this hour", day: "today", week: "last 7 days", month: "last 30 days" } as const

export const usageScreen = (report: Report, style: Style): ReadonlyArray<string> => {
  const { burn_rate, holds, limits, models, principals, series, tools, totals, window } = report
  const shown = [...new Set(["hour", "day", window] as const)]
  const highest = series.reduce(
    (most, { cost_usd }) => (Number(cost_usd) > Number(most) ? cost_usd : most),
    "0"
  )
  const totalRows = shown.flatMap((each) => {
    const sums = totals[each]
    return sums === undefined ? [] : [[spans[each], ...amounts(sums)]]
  })
  return [
    ...table(totalRows),
    `${dollars(burn_rate.usd_per_hour)} per hour, ${count(burn_rate.tokens_per_minute)} tokens per minute (last ${burn_rate.measured_minutes} minutes)`,
    ...(limits.length === 0
      ? []
      : ["", "Limits", ...indented(limits.map((limit) => limitLine(limit, style)))]),
    "",
    `Cost by ${window === "hour" || window === "day" ? "hour (UTC)" : "day (UTC)"}${highest === "0" ? ": none yet" : `, up to ${dollars(highest)}`}`,
    ...(highest === "0" ? [] : indented([...chart(report).map((row) => style("green", row)), axis(report)])),
    ...list(
      "Models",
      models.map((row) => [`${row.provider} ${row.model}`.trim(), row])
    ),
    ...list(
      "Tools",
      tools.map((row) => [row.tool, row])
    ),
    ...list(
      "Principals",
      principals.map((row) => [`${row.principal} (${row.client})`, row])
    ),
    ...(holds.length === 0
      ? []
      : [
          "",
          "Running",
          ...indented(
            table(holds.map((hold) => [hold.name, hold.principal, `${dollars(hold.held_usd)} held`]))
          )
        ])
  ]
}
