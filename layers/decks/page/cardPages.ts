/** Pages of cards beside each other: columns of points, and numbers with what they are. */
import type { Item } from "./Item.ts"
import * as fit from "./fit.ts"
import { areas, sizes } from "./layouts.ts"
import { box, listSizes, measured, setting } from "./listing.ts"
import type { SlideOf } from "../outline/Outline.ts"
import { beside, fitted, headline, inside, label, list, shape, type Stage } from "./typesetting.ts"

export const ofColumns = (stage: Stage, slide: SlideOf<"columns">): ReadonlyArray<Item> => {
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
        shape({ ...card, h: 0.07 }, index % 2 === 0 ? palette.accent : palette.second),
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

export const ofNumbers = (stage: Stage, slide: SlideOf<"numbers">): ReadonlyArray<Item> => {
  const { palette } = stage
  const numbers = slide.numbers.map(({ label: what, value }) => ({ label: what, value: String(value) }))
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
