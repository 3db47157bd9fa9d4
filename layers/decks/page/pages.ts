/** Pages of an outline as things to draw, besides what their layouts put there. */
import { ofColumns, ofNumbers } from "./cardPages.ts"
import { ofChart } from "./chartPage.ts"
import type { Item } from "./Item.ts"
import { areas, sizes } from "./layouts.ts"
import { mirror } from "./mirror.ts"
import { listArea, listSizes } from "./listing.ts"
import type { Layout, Slide, SlideOf } from "../outline/Outline.ts"
import { ofTable } from "./tablePage.ts"
import { block, fitted, headline, inside, kicker, label, list, shape, type Stage } from "./typesetting.ts"

const ofTitle = (stage: Stage, slide: SlideOf<"title">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.title, sizes.title, "ctrTitle"),
  ...kicker(stage, slide.kicker, areas.kicker, 13),
  ...(slide.subtitle === undefined
    ? []
    : [block(stage, "Subtitle", slide.subtitle, areas.subtitle, sizes.subtitle, 1, "subTitle")])
]

const ofSection = (stage: Stage, slide: SlideOf<"section">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.sectionTitle, sizes.section),
  ...(slide.number === undefined
    ? []
    : [
        block(
          stage,
          "Number",
          String(slide.number).padStart(2, "0"),
          areas.sectionNumber,
          { most: 80, least: 40 },
          13
        )
      ])
]

const ofBullets = (stage: Stage, slide: SlideOf<"bullets">): ReadonlyArray<Item> => [
  headline(stage, slide.headline, areas.panelHeadline, sizes.panel),
  list(stage, "List", slide.points, listArea, listSizes, { index: 1 })
]

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

const ofFigure = (stage: Stage, slide: SlideOf<"figure">): ReadonlyArray<Item> => {
  const { palette } = stage
  const { alt = slide.headline, points: given = [] } = slide
  const top = headline(stage, slide.headline, areas.headline, sizes.headline)
  const picture = stage.pictures.get(slide.image)
  const text = given.length > 0
  const { body } = areas
  const whole = text ? { ...body, w: 7.4 } : body
  const side = { ...body, x: body.x + 7.9, w: body.w - 7.9 }
  const points = text
    ? [
        list(
          stage,
          "Points",
          given,
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
      label(stage, "Missing picture", alt, inside(whole), {
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
  // A picture that does not fill its area gets a panel, or its edges would be lost on the slide.
  const panel = w < whole.w - 0.6 ? [shape(whole, palette.surface)] : []
  const centered = { ...area, x: whole.x + (whole.w - w) / 2 }
  return [
    top,
    ...panel,
    {
      kind: "picture",
      name: "Picture",
      area: centered,
      relation,
      alt,
      ...(picture.turn !== undefined && { turn: picture.turn })
    },
    ...points
  ]
}

/** Lines of code keep their breaks and spaces; the longest one decides the size. */
const ofCode = (stage: Stage, slide: SlideOf<"code">): ReadonlyArray<Item> => {
  const { palette } = stage
  const area = inside(areas.body)
  const lines = slide.code.split("\n")
  const size = Math.min(
    24,
    (area.w * 72) / (monoWidth * Math.max(...lines.map((line) => line.length))),
    (area.h * 72) / (monoLine * lines.length)
  )
  const shownSize = Math.max(Math.floor(size * 2) / 2, 9)
  const room = Math.floor((area.h * 72) / (monoLine * shownSize))
  const wide = Math.floor((area.w * 72) / (monoWidth * shownSize))
  const shown = lines
    .slice(0, room)
    .map((line) => (line.length > wide ? `${line.slice(0, wide - 1)}…` : line))
  if (shown.join("\n") !== slide.code) stage.cut(slide.code)
  return [
    headline(stage, slide.headline, areas.headline, sizes.headline),
    shape(areas.body, palette.surface),
    {
      kind: "text",
      name: "Code",
      area,
      anchor: "t",
      font: "mono",
      paragraphs: shown.map((text) => ({
        runs: [{ text }],
        size: shownSize,
        color: palette.ink,
        align: "l",
        spacing: 1
      }))
    }
  ]
}
/** Ems of Courier New: of a character, and of a line. */
const monoWidth = 0.61
const monoLine = 1.2

const ofQuote = (stage: Stage, slide: SlideOf<"quote">): ReadonlyArray<Item> => [
  ...kicker(stage, slide.kicker, areas.quoteKicker, 14),
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
  ...(slide.points === undefined || slide.points.length === 0
    ? []
    : [
        shape({ x: 6.3, y: 1.75, w: 0.06, h: 4 }, stage.palette.second),
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
  code: ofCode,
  closing: ofClosing
}

/** The items of a slide, besides those of its layout. */
export const draw = (stage: Stage, slide: Slide): ReadonlyArray<Item> => {
  // The drawer of a layout takes the slides of that layout, which the types cannot follow.
  const items = (drawers[slide.layout] as (stage: Stage, slide: Slide) => ReadonlyArray<Item>)(stage, slide)
  return stage.rtl === true ? items.map(mirror) : items
}
