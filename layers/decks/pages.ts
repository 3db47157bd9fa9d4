/** Pages of an outline as things to draw: text at the size that fits, numbers as charts, and what had to be left out. */
import { cellMargin, type Area, type Cell, type Item } from "./drawing.ts"
import * as fit from "./fit.ts"
import { format } from "./figures.ts"
import { areas, leading, sizes } from "./layouts.ts"
import { box, gap, listArea, listSizes, measured, paragraphs, setting } from "./listing.ts"
import type { Chart, Layout, Point, Slide, SlideOf } from "./Outline.ts"
import type { Picture } from "./Picture.ts"
import type { Color, Palette } from "./Theme.ts"

/** What a page is drawn with. */
export interface Stage {
  readonly palette: Palette
  readonly pictures: ReadonlyMap<string, Picture>
  /** The relationship of a chart, and of a picture. */
  readonly chart: (chart: Chart) => string
  readonly picture: (picture: Picture) => string
  /** Says that something is not shown whole. */
  readonly cut: (what: string) => void
}

interface Block {
  readonly text: string
  readonly area: Area
  readonly sizes: { readonly most: number; readonly least: number }
  readonly font: "head" | "body"
  readonly bold?: boolean
  readonly spacing?: number
}

/** A little smaller, where that makes a line less: a headline does not end in a line of one word. */
const withoutWidow = (
  text: ReadonlyArray<fit.Paragraph>,
  width: number,
  size: number,
  place: fit.Setting
) => {
  const lines = (at: number) => fit.height(text, width, at, place) / at
  for (let smaller = size; smaller >= size * 0.84; smaller -= 0.5)
    if (lines(smaller) < lines(size) - 0.01) return smaller
  return size
}

/** The text as far as it fits, and the size at which it does. */
const fitted = (
  stage: Stage,
  { area, bold = false, font, sizes: range, spacing: line = leading, text }: Block
) => {
  const place = { font: stage.palette.fonts[font], spacing: line }
  const as = (shown: string) => [{ runs: [{ text: shown, bold }] }]
  const size = fit.largest(as(text), box(area), range, place)
  if (size !== undefined)
    return { text, size: bold ? withoutWidow(as(text), area.w * 72, size, place) : size }
  const fits = (shown: string) => fit.height(as(shown), area.w * 72, range.least, place) <= area.h * 72
  stage.cut(text)
  return { text: fit.shortened(text, fits), size: range.least }
}

/** The headline in its placeholder. */
const headline = (
  stage: Stage,
  text: string,
  area: Area,
  range: { readonly most: number; readonly least: number },
  type: "title" | "ctrTitle" = "title"
): Item & { readonly kind: "text" } => {
  const { size, text: shown } = fitted(stage, { text, area, sizes: range, font: "head", bold: true })
  return {
    kind: "text",
    name: "Title",
    placeholder: { type },
    paragraphs: [{ runs: [{ text: shown }], size, spacing: leading }]
  }
}

const block = (
  stage: Stage,
  name: string,
  text: string,
  area: Area,
  range: { readonly most: number; readonly least: number },
  index: number,
  type: "body" | "subTitle" = "body",
  bold = false
): Item => {
  const { size, text: shown } = fitted(stage, { text, area, sizes: range, font: "body", bold, spacing: 1 })
  return {
    kind: "text",
    name,
    placeholder: { type, index },
    paragraphs: [{ runs: [{ text: shown }], size, spacing: 1 }]
  }
}

/** As many points as fit, at the size at which they do; the last may be shortened. */
const fittedList = (
  stage: Stage,
  points: ReadonlyArray<Point>,
  area: Area,
  range: { readonly most: number; readonly least: number },
  numbered = false
) => {
  const place = setting(stage.palette.fonts.body)
  const at = (shown: ReadonlyArray<Point>) => fit.largest(measured(shown, numbered), box(area), range, place)
  const size = at(points)
  if (size !== undefined) return { points, size }
  let [low, high] = [0, points.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (at(points.slice(0, middle)) === undefined) high = middle - 1
    else low = middle
  }
  const next = points[low]
  const whole = points.slice(0, low)
  stage.cut(
    points
      .slice(low)
      .map(({ text }) => text)
      .join("\n")
  )
  if (next === undefined) return { points: whole, size: range.least }
  const shown = (text: string) => [...whole, { ...next, text }]
  const fits = (text: string) => at(shown(text)) !== undefined
  // An ellipsis after a word or two says nothing.
  const rest = fits("…") ? fit.shortened(next.text, fits) : ""
  return { points: rest.length > 20 || low === 0 ? shown(rest || "…") : whole, size: range.least }
}

const list = (
  stage: Stage,
  name: string,
  points: ReadonlyArray<Point>,
  area: Area,
  range: { readonly most: number; readonly least: number },
  options: {
    readonly index?: number
    readonly color?: Color
    readonly mark?: Color
    readonly anchor?: "t" | "ctr"
    readonly numbered?: boolean
  } = {}
): Item => {
  const shown = fittedList(stage, points, area, range, options.numbered)
  const place = setting(stage.palette.fonts.body)
  const height = fit.height(measured(shown.points, options.numbered), area.w * 72, shown.size, place)
  // A few points breathe: part of the room that is left goes between them.
  const more = shown.points.length < 2 ? 0 : (area.h * 72 - height) / (shown.points.length - 1) / shown.size
  const wide = gap + Math.min(Math.max(more - 0.1, 0) * 0.6, 0.9)
  return {
    kind: "text",
    name,
    ...(options.index === undefined
      ? { area }
      : { placeholder: { type: "body", index: options.index } as const }),
    ...(options.anchor !== undefined && { anchor: options.anchor }),
    paragraphs: paragraphs(shown.points, shown.size, {
      numbered: options.numbered ?? false,
      gap: wide,
      ...(options.mark !== undefined && { mark: options.mark }),
      ...(options.color !== undefined && { color: options.color })
    })
  }
}

const shape = (area: Area, fill: Color, geometry: "rect" | "round" = "rect"): Item => ({
  kind: "shape",
  name: "Panel",
  area,
  fill,
  geometry
})

const label = (
  stage: Stage,
  name: string,
  text: string,
  area: Area,
  style: {
    readonly most: number
    readonly least: number
    readonly color: Color
    readonly bold?: boolean
    readonly anchor?: "t" | "ctr" | "b"
    readonly font?: "head" | "body"
    readonly align?: "l" | "r"
  }
): Item => {
  const { align = "l", anchor = "t", bold = false, color, font = "body" } = style
  const shown = fitted(stage, { text, area, sizes: style, font, bold, spacing: 1 })
  return {
    kind: "text",
    name,
    area,
    anchor,
    font,
    paragraphs: [{ runs: [{ text: shown.text }], size: shown.size, bold, color, align, spacing: 1 }]
  }
}

const pad = 0.32
const inside = ({ h, w, x, y }: Area, by = pad): Area => ({
  x: x + by,
  y: y + by,
  w: w - 2 * by,
  h: h - 2 * by
})

/** Areas of one height beside each other. */
const beside = ({ h, w, x, y }: Area, count: number, space = 0.35): ReadonlyArray<Area> => {
  const each = (w - space * (count - 1)) / count
  return Array.from({ length: count }, (_, index) => ({ x: x + index * (each + space), y, w: each, h }))
}

const kicker = (stage: Stage, text: string | undefined, area: Area, index: number): ReadonlyArray<Item> =>
  text === undefined || text === ""
    ? []
    : [block(stage, "Kicker", text, area, { most: 18, least: 10 }, index, "body", true)]

const ofTitle = (stage: Stage, slide: SlideOf<"title">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.title, sizes.title, "ctrTitle"),
  ...kicker(stage, slide.kicker, areas.kicker, 13),
  ...(slide.subtitle === undefined
    ? []
    : [block(stage, "Subtitle", slide.subtitle, areas.subtitle, sizes.subtitle, 1, "subTitle")])
]

const ofSection = (stage: Stage, slide: SlideOf<"section">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.sectionTitle, sizes.section),
  block(
    stage,
    "Number",
    String(slide.number).padStart(2, "0"),
    areas.sectionNumber,
    { most: 80, least: 40 },
    13
  )
]

const ofBullets = (stage: Stage, slide: SlideOf<"bullets">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.panelHeadline, sizes.panel),
  list(stage, "List", slide.points, listArea, listSizes, { index: 1, numbered: slide.numbered ?? false })
]

const ofColumns = (stage: Stage, slide: SlideOf<"columns">): ReadonlyArray<Item> => {
  const { palette } = stage
  const cards = beside(areas.body, slide.columns.length)
  const range = { most: 24, least: listSizes.least }
  // One size for all columns: the smallest that one of them needs.
  const each = slide.columns.map(({ heading, points }, index) => {
    const area = inside(cards[index] ?? areas.body, 0.4)
    return heading === undefined
      ? { area, points }
      : { area: { ...area, y: area.y + 0.62, h: area.h - 0.62 }, points }
  })
  const most = Math.min(
    ...each.map(
      ({ area, points }) =>
        fit.largest(measured(points), box(area), range, setting(palette.fonts.body)) ?? range.least
    )
  )
  return [
    headline(stage, slide.headline, areas.headline, sizes.headline),
    ...slide.columns.flatMap(({ heading }, index): ReadonlyArray<Item> => {
      const card = cards[index] ?? areas.body
      const column = each[index]
      const top = { ...inside(card, 0.4), h: 0.45 }
      return [
        shape(card, palette.surface),
        shape({ ...card, h: 0.07 }, index === 0 ? palette.accent : palette.second),
        ...(heading === undefined
          ? []
          : [
              label(stage, "Heading", heading, top, {
                most: 24,
                least: 12,
                color: palette.ink,
                bold: true,
                font: "head"
              })
            ]),
        ...(column === undefined
          ? []
          : [
              list(
                stage,
                "List",
                column.points,
                column.area,
                { most, least: range.least },
                { color: palette.ink }
              )
            ])
      ]
    })
  ]
}

const ofNumbers = (stage: Stage, slide: SlideOf<"numbers">): ReadonlyArray<Item> => {
  const { palette } = stage
  const { numbers } = slide
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const rows = numbers.length > 4 ? 2 : 1
  const columns = Math.ceil(numbers.length / rows)
  const shown = numbers.slice(0, 8)
  const height = rows === 1 ? 3.7 : 2.15
  const first = rows === 1 ? 2.3 : areas.body.y
  const cards = Array.from({ length: rows }, (_, row) =>
    beside({ ...areas.body, y: first + row * (height + 0.3), h: height }, columns, 0.3)
  ).flat()
  const values = shown.map((_, index) => {
    const area = inside(cards[index] ?? areas.body)
    return { ...area, h: area.h * 0.52 }
  })
  const size = Math.min(
    ...shown.map(
      ({ value }, index) =>
        fitted(
          { ...stage, cut: () => {} },
          {
            text: value,
            area: { ...(values[index] ?? areas.body), h: 1.4 },
            sizes: { most: rows === 1 ? 72 : 44, least: 18 },
            font: "head",
            bold: true
          }
        ).size
    )
  )
  return [
    top,
    ...shown.flatMap(({ label: what, value }, index): ReadonlyArray<Item> => {
      const card = cards[index] ?? areas.body
      const area = values[index] ?? areas.body
      const below = { ...area, y: area.y + area.h + 0.08, h: inside(card).h - area.h - 0.08 }
      const color = index % 2 === 0 ? palette.accent : palette.second
      return [
        shape(card, palette.surface),
        shape({ ...card, h: 0.07 }, color),
        label(stage, "Value", value, area, {
          most: size,
          least: 12,
          color: palette.accent,
          bold: true,
          anchor: "b",
          font: "head"
        }),
        label(stage, "Label", what, below, { most: 22, least: 11, color: palette.ink })
      ]
    })
  ]
}

const ofNumber = (stage: Stage, slide: SlideOf<"number">): ReadonlyArray<Item> => {
  const value = fitted(stage, {
    text: slide.value,
    area: areas.number,
    sizes: sizes.number,
    font: "head",
    bold: true,
    spacing: 0.9
  })
  return [
    ...kicker(stage, slide.kicker, areas.numberKicker, 14),
    {
      kind: "text",
      name: "Value",
      placeholder: { type: "body", index: 13 },
      paragraphs: [{ runs: [{ text: value.text }], size: value.size, spacing: 0.9 }]
    },
    headline(stage, slide.headline, areas.numberHeadline, sizes.numberHeadline)
  ]
}

/** What a chart shows, for who cannot see it. */
const described = ({ kind, labels, prefix, series, suffix }: Chart): string => {
  const values = series.map(
    ({ name, values: all }) =>
      `${name === "" ? "" : `${name}: `}${labels.map((each, index) => `${each} ${format(all[index] ?? 0, prefix, suffix)}`).join(", ")}`
  )
  const text = `${kind.replace(/^./, (letter) => letter.toUpperCase())} chart. ${values.join(". ")}.`
  return text.length <= 1000 ? text : `${text.slice(0, 999)}…`
}

/** Beside a doughnut: each part with its colour and its value. */
const parts = (stage: Stage, chart: Chart, area: Area): ReadonlyArray<Item> => {
  const { palette } = stage
  const colors = ["accent1", "accent3", "accent6", "accent2", "accent4", "accent5"]
  const row = Math.min(0.7, area.h / chart.labels.length)
  const top = area.y + (area.h - row * chart.labels.length) / 2
  return chart.labels.flatMap((name, index): ReadonlyArray<Item> => {
    const y = top + index * row
    const strong = index === chart.highlight
    const value = format(chart.series[0]?.values[index] ?? 0, chart.prefix, chart.suffix)
    return [
      shape(
        { x: area.x, y: y + row / 2 - 0.1, w: 0.2, h: 0.2 },
        colors[index % colors.length] ?? palette.accent
      ),
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

const ofChart = (stage: Stage, slide: SlideOf<"chart">): ReadonlyArray<Item> => {
  const { chart, points } = slide
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const relation = stage.chart(chart)
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

const numeric = /^[+\-\u2212~≈]?\s?[$€£¥₺₹]?\s?\d[\d.,' \u00a0]*\s?(?:%|[a-zA-Z×]{1,4})?$/

/** Columns as wide as what stands in them, within reason. */
const columnWidths = (stage: Stage, rows: ReadonlyArray<ReadonlyArray<string>>, total: number) => {
  const font = stage.palette.fonts.body
  const count = rows[0]?.length ?? 1
  const wanted = Array.from({ length: count }, (_, index) => {
    const all = rows.map((row, at) => fit.width((row[index] ?? "").slice(0, 200), font, 16, at === 0) / 72)
    return Math.min(Math.max(Math.max(...all) + 2 * cellMargin.x + 0.15, 0.9), total * 0.5)
  })
  const sum = wanted.reduce((all, each) => all + each, 0)
  return wanted.map((each) => (each / sum) * total)
}

const ofTable = (stage: Stage, slide: SlideOf<"table">): ReadonlyArray<Item> => {
  const { palette } = stage
  const font = palette.fonts.body
  const count = slide.columns.length
  const all = [slide.columns, ...slide.rows.map((row) => slide.columns.map((_, index) => row[index] ?? ""))]
  const right = slide.columns.map(
    (_, index) =>
      slide.rows.length > 0 &&
      slide.rows.every((row) => (row[index] ?? "") === "" || numeric.test(row[index] ?? ""))
  )
  const area = { ...areas.body, y: 1.9, h: 4.75 }
  const widths = columnWidths(stage, all, area.w)
  const rowHeight = (row: ReadonlyArray<string>, size: number, head: boolean) =>
    Math.max(
      ...row.map((text, index) =>
        fit.height([{ runs: [{ text, bold: head }] }], ((widths[index] ?? 1) - 2 * cellMargin.x) * 72, size, {
          font
        })
      )
    ) /
      72 +
    2 * cellMargin.y
  const heights = (rows: ReadonlyArray<ReadonlyArray<string>>, size: number) =>
    rows.map((row, index) => rowHeight(row, size, index === 0))
  const sum = (values: ReadonlyArray<number>) => values.reduce((total, value) => total + value, 0)
  const fits = (rows: ReadonlyArray<ReadonlyArray<string>>, size: number) =>
    sum(heights(rows, size)) <= area.h
  let rows: ReadonlyArray<ReadonlyArray<string>> = all
  let size = 20
  while (size > 11 && !fits(rows, size)) size -= 0.5
  if (!fits(rows, size)) {
    // Long cells first, then rows.
    const shortest = rows.map((row) =>
      row.map((text, index) =>
        fit.shortened(
          text,
          (shown) => rowHeight([...Array.from({ length: index }, () => ""), shown], size, false) <= 0.95
        )
      )
    )
    rows = shortest
    while (rows.length > 2 && !fits(rows, size)) rows = rows.slice(0, -1)
    stage.cut(
      all
        .slice(rows.length)
        .map((row) => row.join(" | "))
        .join("\n")
    )
  }
  const natural = heights(rows, size)
  // Rows breathe as far as there is room, and no further than looks like a table.
  const extra = Math.min((area.h - sum(natural)) / rows.length, 0.32)
  const cells = rows.map((row) =>
    row.map((text, index): Cell => ({ runs: [{ text }], align: right[index] === true ? "r" : "l" }))
  )
  return [
    headline(stage, slide.headline, areas.headline, sizes.headline),
    {
      kind: "table",
      name: "Table",
      area: { ...area, h: sum(natural) + extra * rows.length },
      alt: `Table of ${rows.length - 1} rows and ${count} columns: ${slide.columns.join(", ")}`.slice(
        0,
        1000
      ),
      widths,
      heights: natural.map((height) => height + extra),
      rows: cells,
      size,
      colors: { head: palette.accent, onHead: palette.onAccent, ink: palette.ink, line: palette.line }
    }
  ]
}

const ofFigure = (stage: Stage, slide: SlideOf<"figure">): ReadonlyArray<Item> => {
  const { palette } = stage
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const picture = stage.pictures.get(slide.image)
  const text = slide.points.length > 0
  const { body } = areas
  const whole = text ? { ...body, w: 7.4 } : body
  const side = { ...body, x: body.x + 7.9, w: body.w - 7.9 }
  const points = text
    ? [
        list(
          stage,
          "Points",
          slide.points,
          side,
          { most: 20, least: listSizes.least },
          { color: palette.ink, anchor: "ctr" }
        )
      ]
    : []
  if (picture === undefined) {
    return [
      top,
      shape(whole, palette.surface),
      label(stage, "Missing picture", slide.alt, inside(whole), {
        most: 22,
        least: 11,
        color: palette.muted,
        anchor: "ctr"
      }),
      ...points
    ]
  }
  const scale = Math.min(whole.w / picture.width, whole.h / picture.height)
  const [w, h] = [picture.width * scale, picture.height * scale]
  const area = { x: whole.x + (text ? 0 : (whole.w - w) / 2), y: whole.y + (whole.h - h) / 2, w, h }
  const relation = stage.picture(picture)
  // What does not fill its place stands on a panel, or its edges would be lost on the page.
  const panel = w < whole.w - 0.6 ? [shape(whole, palette.surface)] : []
  const centered = { ...area, x: whole.x + (whole.w - w) / 2 }
  return [
    top,
    ...panel,
    { kind: "picture", name: "Picture", area: centered, relation, alt: slide.alt },
    ...points
  ]
}

const ofQuote = (stage: Stage, slide: SlideOf<"quote">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.quote, sizes.quote),
  ...(slide.by === undefined
    ? []
    : [block(stage, "Source", `\u2014 ${slide.by}`, areas.quoteBy, { most: 18, least: 10 }, 13)])
]

const ofStatement = (stage: Stage, slide: SlideOf<"statement">): ReadonlyArray<Item> => {
  const above = kicker(stage, slide.kicker, areas.statementKicker, 14)
  if (slide.text !== undefined) {
    return [
      ...above,
      headline(stage, slide.headline, areas.statement, sizes.statement),
      block(stage, "Text", slide.text, areas.statementText, sizes.text, 13)
    ]
  }
  const area = areas.statementAlone
  return [...above, { ...headline(stage, slide.headline, area, sizes.statement), area, anchor: "ctr" }]
}

const ofClosing = (stage: Stage, slide: SlideOf<"closing">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.closing, sizes.closing),
  ...(slide.points.length === 0
    ? []
    : [
        list(
          stage,
          "Points",
          slide.points,
          areas.closingPoints,
          { most: 22, least: listSizes.least },
          { index: 1, color: stage.palette.onHero, mark: stage.palette.onHeroAccent }
        )
      ])
]

const drawers: { readonly [L in Layout]: (stage: Stage, slide: SlideOf<L>) => ReadonlyArray<Item> } = {
  title: ofTitle,
  section: ofSection,
  bullets: ofBullets,
  columns: ofColumns,
  chart: ofChart,
  table: ofTable,
  quote: ofQuote,
  figure: ofFigure,
  numbers: ofNumbers,
  number: ofNumber,
  statement: ofStatement,
  closing: ofClosing
}

/** What stands on a page, besides what its layout puts there. */
export const draw = (stage: Stage, slide: Slide): ReadonlyArray<Item> =>
  // The drawer of a layout takes the pages of that layout, which the types cannot follow.
  (drawers[slide.layout] as (stage: Stage, slide: Slide) => ReadonlyArray<Item>)(stage, slide)
