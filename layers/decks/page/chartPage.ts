/** Chart slides: the chart, points beside it, and its values as alternative text. */
import type { Area, Item } from "./Item.ts"
import { writeNumber } from "../outline/amounts.ts"
import { areas, sizes } from "./layouts.ts"
import { listSizes } from "./listing.ts"
import type { Chart, Point, SlideOf } from "../outline/Outline.ts"
import { headline, inside, label, list, shape, type DrawnChart, type Stage } from "./typesetting.ts"

const valueText = (value: number | null | undefined, { prefix, suffix }: Chart) =>
  value === null || value === undefined ? "–" : writeNumber(value, undefined, prefix, suffix)

/** The values, for screen readers. */
const described = (headlineText: string, chart: Chart): string => {
  const values = chart.series.map(
    ({ name, values: all }) =>
      `${name === "" ? "" : `${name}: `}${chart.labels.map((each, index) => `${each} ${valueText(all[index], chart)}`).join(", ")}`
  )
  const text = [headlineText, ...values].join(". ")
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
const drawable = (chart: Chart): Chart =>
  chart.kind === "doughnut" &&
  (chart.series.length > 1 ||
    chart.labels.length > 12 ||
    known(chart).length < chart.labels.length ||
    known(chart).some((value) => value < 0))
    ? { ...chart, kind: "bar" }
    : chart

/** Colour of a part of a ring; the second six are paler. */
export const partColor = (index: number): string => {
  const color = ["accent1", "accent3", "accent6", "accent2", "accent4", "accent5"][index % 6] ?? "accent1"
  return index < 6 ? color : `${color}/45`
}

/** Beside a ring: each part with its colour and its value. */
const parts = (stage: Stage, chart: Chart, area: Area): ReadonlyArray<Item> => {
  const { palette } = stage
  const row = Math.min(0.7, area.h / chart.labels.length)
  const top = area.y + (area.h - row * chart.labels.length) / 2
  return chart.labels.flatMap((name, index): ReadonlyArray<Item> => {
    const y = top + index * row
    const strong = index === chart.highlight
    return [
      shape({ x: area.x, y: y + row / 2 - 0.1, w: 0.2, h: 0.2 }, partColor(index)),
      label(
        stage,
        "Part",
        name,
        { x: area.x + 0.4, y, w: area.w - 1.75, h: row },
        { most: 18, least: 9, color: palette.ink, bold: strong, anchor: "ctr" }
      ),
      label(
        stage,
        "Value",
        valueText(chart.series[0]?.values[index], chart),
        { x: area.x + area.w - 1.3, y, w: 1.3, h: row },
        { most: 20, least: 9, color: palette.ink, bold: true, anchor: "ctr", align: "r" }
      )
    ]
  })
}

const beside = (stage: Stage, points: ReadonlyArray<Point>, card: Area): ReadonlyArray<Item> =>
  points.length === 0
    ? []
    : [
        shape(card, stage.palette.surface),
        list(
          stage,
          "Points",
          points,
          inside(card),
          { most: 18, least: listSizes.least },
          { color: stage.palette.ink, anchor: "ctr" }
        )
      ]

export const ofChart = (stage: Stage, slide: SlideOf<"chart">): ReadonlyArray<Item> => {
  const { points = [] } = slide
  const chart = drawable(slide.chart)
  const minimum = axisMinimum(chart)
  const drawnChart: DrawnChart = {
    ...chart,
    ...(minimum !== undefined && { minimum }),
    ...(stage.rtl === true && { rtl: true })
  }
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const relation = stage.chart(drawnChart)
  const drawn = (area: Area): Item => ({
    kind: "chart",
    name: "Chart",
    area,
    relation,
    alt: described(slide.headline, chart)
  })
  const { body } = areas
  if (chart.kind === "doughnut") {
    const wide = points.length === 0
    const ring = { x: body.x + (wide ? 0.8 : 0), y: body.y, w: 4.6, h: 4.6 }
    const legend = { x: ring.x + ring.w + 0.5, y: body.y, w: wide ? 4.6 : 3.3, h: body.h }
    return [
      top,
      drawn(ring),
      ...parts(stage, chart, legend),
      ...beside(stage, points, { ...body, x: body.x + 8.85, w: body.w - 8.85 })
    ]
  }
  return [
    top,
    drawn(points.length === 0 ? body : { ...body, w: 8.1 }),
    ...beside(stage, points, { ...body, x: body.x + 8.5, w: body.w - 8.5 })
  ]
}
