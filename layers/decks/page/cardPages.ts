/** Pages of cards beside each other: columns of points, and numbers with what they are. */
import type { Item } from "./Item.ts"
import * as fit from "./fit.ts"
import { listSizes, paragraphs } from "./listing.ts"
import type { SlideOf } from "../outline/Outline.ts"
import { body } from "./places.ts"
import { below, card, inside, label, list, part, type Stage } from "./typesetting.ts"

const { least } = listSizes
const oneSize = <A>(all: ReadonlyArray<A>, size: (each: A) => number | undefined) =>
  Math.min(...all.map((each) => size(each) ?? least))

export const ofColumns = (stage: Stage, slide: SlideOf<"columns">): ReadonlyArray<Item> => {
  const { palette } = stage
  const { columns } = slide
  const cards = columns.map(({ heading, points }, index) => {
    const area = part(body, index, columns.length)
    const inner = inside(area, 0.4)
    return { area, heading, points, inner, listed: heading === undefined ? inner : below(inner, 0.62) }
  })
  const most = oneSize(cards, ({ listed, points }) =>
    fit.largest((size) => paragraphs(points, size), listed, { most: 24, least }, palette.fonts.body)
  )
  const head = { most: 24, least: 12, color: palette.ink, bold: true, font: "head" } as const
  return cards.flatMap(({ area, heading, inner, listed, points }, index) => [
    ...card(stage, area, index),
    ...(heading === undefined
      ? []
      : [label(stage, "Heading", heading, { ...head, area: { ...inner, h: 0.45 } })]),
    list(stage, points, listed, most, "t")
  ])
}

export const ofNumbers = (stage: Stage, slide: SlideOf<"numbers">): ReadonlyArray<Item> => {
  const { palette } = stage
  const numbers = slide.numbers.slice(0, 8).map(({ label: what, value }) => ({ what, value: String(value) }))
  const two = numbers.length > 4
  const columns = two ? Math.ceil(numbers.length / 2) : numbers.length
  const row = two ? { ...body, h: 2.15 } : { ...body, y: 2.3, h: 3.7 }
  const cards = numbers.map((number, index) => {
    const y = row.y + Math.floor(index / columns) * (row.h + 0.3)
    const area = part({ ...row, y }, index % columns, columns, 0.3)
    const inner = inside(area)
    return {
      ...number,
      area,
      top: { ...inner, h: inner.h * 0.52 },
      rest: below(inner, inner.h * 0.52 + 0.08)
    }
  })
  const range = { most: two ? 44 : 72, least }
  const most = oneSize(cards, ({ top, value }) =>
    fit.largest((size) => [{ runs: [{ text: value }], bold: true, size }], top, range, palette.fonts.head)
  )
  const set = { least: 12, color: palette.accent, bold: true, anchor: "b", font: "head" } as const
  return cards.flatMap(({ area, rest, top, value, what }, index) => [
    ...card(stage, area, index),
    label(stage, "Value", value, { ...set, area: top, most }),
    label(stage, "Label", what, { area: rest, most: 22, least: 11, color: palette.ink })
  ])
}
