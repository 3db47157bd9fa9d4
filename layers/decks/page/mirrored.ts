/** Pages of right-to-left decks: everything changes sides, and keeps its size. */
import { page, type Geometry, type Item } from "./Item.ts"

const quarters: Partial<Record<Geometry, Geometry>> = {
  "quarter-tl": "quarter-tr",
  "quarter-tr": "quarter-tl",
  "quarter-bl": "quarter-br",
  "quarter-br": "quarter-bl"
}

/** Paragraphs and cells are aligned by the writer, which knows their direction. */
export const mirrored = (item: Item): Item => {
  if (item.area === undefined) return item
  const area = { ...item.area, x: page.w - item.area.x - item.area.w }
  if (item.kind !== "shape" || item.geometry === undefined) return { ...item, area }
  return { ...item, area, geometry: quarters[item.geometry] ?? item.geometry }
}
