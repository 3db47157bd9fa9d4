/** Chart slides: the chart, points beside it, and its values as alternative text. */
import type { Area, DrawnChart, Item } from "./Item.ts"
import { writeNumber } from "../outline/amounts.ts"
import type { Chart, SlideOf } from "../outline/Outline.ts"
import { body } from "./places.ts"
import { inside, label, list, panel, type Stage } from "./typesetting.ts"

const valueText = (value: number | null | undefined, { prefix, suffix }: Chart) =>
  value === null || value === undefined ? "–" : writeNumber(value, undefined, prefix, suffix)

/** The values, for screen readers. */
const described = (headline: string, chart: Chart): string => {
  const series = chart.series.map(({ name, values }) => {
    const all = chart.labels.map((each, index) => `${each} ${valueText(values[index], chart)}`).join(", ")
    return name === "" ? all : `${name}: ${all}`
  })
  const text = [headline, ...series].join(". ")
  return text.length <= 1000 ? text : `${text.slice(0, 999)}…`
}

const known = ({ series }: Chart) => series.flatMap(({ values }) => values.filter((value) => value !== null))

/** The start of the axis of a line chart that a start at 0 would flatten. */
export const axisMinimum = (chart: Chart): number | undefined => {
  const values = known(chart)
  const [low, high] = [Math.min(...values), Math.max(...values)]
  if (chart.kind !== "line" || values.length === 0 || low <= 0 || low < high * 0.5 || low === high)
    return undefined
  const step = 10 ** Math.floor(Math.log10(high - low))
  const below = Math.floor((low - (high - low) * 0.3) / step) * step
  return below > 0 ? Number(below.toPrecision(12)) : undefined
}

/** A ring shows parts of a whole: one series without gaps or negative numbers. */
const isRing = (chart: Chart): boolean =>
  chart.kind === "doughnut" &&
  chart.series.length === 1 &&
  chart.labels.length <= 12 &&
  known(chart).length >= chart.labels.length &&
  known(chart).every((value) => value >= 0)

/** Colour of a part of a ring; the second six are paler. */
export const partColor = (index: number): string => {
  const color = ["accent1", "accent3", "accent6", "accent2", "accent4", "accent5"][index % 6] ?? "accent1"
  return index < 6 ? color : `${color}/45`
}

const legend = (stage: Stage, chart: Chart, { h, w, x, y }: Area): ReadonlyArray<Item> => {
  const row = Math.min(0.7, h / chart.labels.length)
  const first = y + (h - row * chart.labels.length) / 2
  return chart.labels.flatMap((name, index) => {
    const top = first + index * row
    const area = { x: x + 0.4, y: top, w: w - 1.75, h: row }
    const style = { least: 9, color: stage.palette.ink, anchor: "ctr" } as const
    const value = valueText(chart.series[0]?.values[index], chart)
    const right = { area: { ...area, x: x + w - 1.3, w: 1.3 }, most: 20, bold: true, align: "r" } as const
    return [
      panel({ x, y: top + row / 2 - 0.1, w: 0.2, h: 0.2 }, partColor(index)),
      label(stage, "Part", name, { ...style, area, most: 18, bold: index === chart.highlight }),
      label(stage, "Value", value, { ...style, ...right })
    ]
  })
}

export const ofChart = (stage: Stage, slide: SlideOf<"chart">): ReadonlyArray<Item> => {
  const { chart: given, headline, points = [] } = slide
  const ring = isRing(given)
  const kind = given.kind === "doughnut" && !ring ? "bar" : given.kind
  const minimum = axisMinimum(given)
  const chart: DrawnChart = {
    ...given,
    kind,
    ...(minimum !== undefined && { minimum }),
    ...(stage.rtl === true && { rtl: true })
  }
  const alone = points.length === 0
  const left = ring ? 8.85 : 8.5
  const aside = { ...body, x: body.x + left, w: body.w - left }
  const round = { ...body, x: body.x + (alone ? 0.8 : 0), w: body.h }
  const area = ring ? round : { ...body, w: alone ? body.w : 8.1 }
  const values = { ...body, x: round.x + round.w + 0.5, w: alone ? 4.6 : 3.3 }
  return [
    { kind: "chart", name: "Chart", area, chart, alt: described(headline, chart) },
    ...(ring ? legend(stage, chart, values) : []),
    ...(alone ? [] : [panel(aside, stage.palette.surface), list(stage, points, inside(aside), 18)])
  ]
}
