/** Pages of charts: the chart, what can be read from it beside it, and its description for who cannot see it. */
import type { Area, Item } from "./Item.ts"
import { format } from "../outline/figures.ts"
import { areas, sizes } from "./layouts.ts"
import { listSizes } from "./listing.ts"
import type { Chart, Point, SlideOf } from "../outline/Outline.ts"
import { headline, inside, label, list, shape, type Stage } from "./typesetting.ts"

/** What a chart shows, for who cannot see it. */
const described = ({ kind, labels, prefix, series, suffix }: Chart): string => {
  const values = series.map(
    ({ name, values: all }) =>
      `${name === "" ? "" : `${name}: `}${labels.map((each, index) => `${each} ${format(all[index] ?? 0, prefix, suffix)}`).join(", ")}`
  )
  const text = `${kind.replace(/^./, (letter) => letter.toUpperCase())} chart. ${values.join(". ")}.`
  return text.length <= 1000 ? text : `${text.slice(0, 999)}…`
}

/** Colour of a part of a ring; the second six are paler. */
export const partColor = (index: number): string => {
  const color = ["accent1", "accent3", "accent6", "accent2", "accent4", "accent5"][index % 6] ?? "accent1"
  return index < 6 ? color : `${color}/45`
}

/** Beside a doughnut: each part with its colour and its value. */
const parts = (stage: Stage, chart: Chart, area: Area): ReadonlyArray<Item> => {
  const { palette } = stage
  const row = Math.min(0.7, area.h / chart.labels.length)
  const top = area.y + (area.h - row * chart.labels.length) / 2
  return chart.labels.flatMap((name, index): ReadonlyArray<Item> => {
    const y = top + index * row
    const strong = index === chart.highlight
    const value = format(chart.series[0]?.values[index] ?? 0, chart.prefix, chart.suffix)
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
        value,
        { x: area.x + area.w - 1.3, y, w: 1.3, h: row },
        { most: 20, least: 9, color: palette.ink, bold: true, anchor: "ctr", align: "r" }
      )
    ]
  })
}

export const ofChart = (stage: Stage, slide: SlideOf<"chart">): ReadonlyArray<Item> => {
  const { chart, points } = slide
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const relation = stage.chart({ ...chart, ...(stage.rtl === true && { rtl: true }) })
  const drawn = (area: Area): Item => ({
    kind: "chart",
    name: "Chart",
    area,
    relation,
    alt: described(chart)
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
      ...(wide ? [] : insights(stage, points, { ...body, x: body.x + 8.85, w: body.w - 8.85 }))
    ]
  }
  if (points.length === 0) return [top, drawn(body)]
  return [
    top,
    drawn({ ...body, w: 8.1 }),
    ...insights(stage, points, { ...body, x: body.x + 8.5, w: body.w - 8.5 })
  ]
}

const insights = (stage: Stage, points: ReadonlyArray<Point>, card: Area): ReadonlyArray<Item> => {
  const { palette } = stage
  const area = inside(card)
  const pairs =
    points.length <= 4 && points.every(({ lead, text }) => lead !== undefined && text.length <= 36)
  if (!pairs)
    return [
      shape(card, palette.surface),
      list(
        stage,
        "Points",
        points,
        area,
        { most: 18, least: listSizes.least },
        { color: palette.ink, anchor: "ctr" }
      )
    ]
  const row = area.h / points.length
  return [
    shape(card, palette.surface),
    ...points.flatMap(({ lead = "", text }, index): ReadonlyArray<Item> => {
      const y = area.y + index * row
      return [
        ...(index === 0 ? [] : [shape({ x: area.x, y: y - 0.005, w: area.w, h: 0.01 }, palette.line)]),
        label(
          stage,
          "Label",
          lead,
          { ...area, y: y + row / 2 - 0.5, h: 0.36 },
          { most: 14, least: 10, color: palette.muted, anchor: "b" }
        ),
        label(
          stage,
          "Value",
          text,
          { ...area, y: y + row / 2 - 0.12, h: 0.5 },
          { most: 22, least: 10, color: palette.ink, bold: true, anchor: "t" }
        )
      ]
    })
  ]
}
