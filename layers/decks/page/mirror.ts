/** Mirrors slides of decks that run from right to left: places, alignment, shapes and the order of columns. */
import { page, type Area, type Geometry, type Item, type Paragraph } from "./Item.ts"

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu

/** Whether most letters of a deck are of a script that runs from right to left. */
export const isRightToLeft = (text: string): boolean =>
  (text.match(rightToLeft)?.length ?? 0) * 2 > (text.match(/\p{L}/gu)?.length ?? 0)

const mirrorArea = (given: Area): Area => ({ ...given, x: page.w - given.x - given.w })

const turned: Partial<Record<Geometry, Geometry>> = {
  "quarter-tl": "quarter-tr",
  "quarter-tr": "quarter-tl",
  "quarter-bl": "quarter-br",
  "quarter-br": "quarter-bl"
}

const paragraph = <P extends Omit<Paragraph, "runs">>(given: P): P => ({
  ...given,
  rtl: true,
  align: given.align === "ctr" ? "ctr" : given.align === "r" ? "l" : "r"
})

export const mirror = (item: Item): Item => {
  switch (item.kind) {
    case "text":
      return item.font === "mono"
        ? { ...item, ...(item.area && { area: mirrorArea(item.area) }) }
        : {
            ...item,
            ...(item.area && { area: mirrorArea(item.area) }),
            ...(item.style && { style: paragraph(item.style) }),
            paragraphs: item.paragraphs.map(paragraph)
          }
    case "shape":
      return {
        ...item,
        area: mirrorArea(item.area),
        geometry: turned[item.geometry ?? "rect"] ?? item.geometry ?? "rect"
      }
    case "table":
      return {
        ...item,
        area: mirrorArea(item.area),
        rtl: true,
        rows: item.rows.map((row) => row.map((cell) => ({ ...cell, align: cell.align === "r" ? "l" : "r" })))
      }
    default:
      return { ...item, area: mirrorArea(item.area) }
  }
}
