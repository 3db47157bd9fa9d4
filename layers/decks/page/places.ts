/** The places for text on each layout: where they stand, and how text is set in them. */
import { page, type Area, type Placeholder, type TextItem } from "./Item.ts"
import { listArea, listSizes } from "./listing.ts"
import type { Color, Palette } from "../Theme.ts"

/** Inches. */
export const margin = 0.75
const inner = page.w - 2 * margin
/** Height of a line of a headline. */
export const leading = 0.95

/** The colours of a palette, by name. */
export type Tone = {
  [K in keyof Palette]: Palette[K] extends Color ? K : never
}[keyof Palette]

/** A placeholder. Sizes are points, from the largest to the least that is read from afar. */
export interface Place {
  readonly name: string
  readonly type: Placeholder["type"]
  readonly index?: number
  readonly area: Area
  readonly most: number
  readonly least: number
  readonly color: Tone
  /** Of new slides; default: the largest. */
  readonly size?: number
  readonly bold?: boolean
  readonly anchor?: TextItem["anchor"]
  readonly font?: "head" | "body"
  readonly spacing?: number
  readonly bullet?: "tick"
  readonly mark?: Tone
}

const at = (x: number, y: number, w: number, h: number): Area => ({ x, y, w, h })

const title = (area: Area, most: number, least: number, color: Tone, anchor: TextItem["anchor"] = "t") => {
  const set = { font: "head", bold: true, spacing: leading } as const
  return { name: "Title", type: "title", area, most, least, color, anchor, ...set } as const satisfies Place
}

const text = (
  name: string,
  index: number,
  area: Area,
  [most, least]: readonly [number, number],
  color: Tone,
  set: Partial<Place> = {}
): Place => ({ name, type: "body", index, area, most, least, color, ...set })

const kicker = (index: number, area: Area, color: Tone) =>
  text("Kicker", index, area, [18, 10], color, { bold: true })

const list = (name: string, area: Area, most: number, color: Tone, mark: Tone) =>
  text(name, 1, area, [most, listSizes.least], color, { size: 20, anchor: "ctr", bullet: "tick", mark })

export const places = {
  headline: title(at(margin, 0.62, inner, 1.02), 30, 16, "ink"),
  deckKicker: kicker(13, at(margin, 0.75, 7.2, 0.45), "onHeroAccent"),
  deckTitle: { ...title(at(margin, 1.75, 7.6, 2.55), 66, 22, "onHero", "b"), type: "ctrTitle" },
  subtitle: text("Subtitle", 1, at(margin, 4.62, 7.2, 1.2), [22, 12], "onHeroMuted", { type: "subTitle" }),
  section: title(at(margin, 3.4, 9.6, 2.4), 50, 20, "onAccent"),
  sectionNumber: text("Number", 13, at(margin, 1.75, 4, 1.5), [80, 40], "onAccent", {
    anchor: "b",
    bold: true
  }),
  panelHeadline: title(at(margin, 1.12, 3.3, 4.9), 36, 15, "ink"),
  list: list("List", listArea, listSizes.most, "ink", "accent"),
  numberKicker: kicker(14, at(margin, 0.7, 9.6, 0.5), "muted"),
  number: text("Value", 13, at(margin, 1.2, 9.6, 2.65), [190, 40], "accent", {
    size: 160,
    anchor: "b",
    font: "head",
    bold: true,
    spacing: 0.9
  }),
  numberHeadline: title(at(margin, 4.25, 9.2, 2), 40, 16, "ink"),
  statementKicker: kicker(14, at(1.45, 1.3, 9.6, 0.5), "onAccentMuted"),
  statement: title(at(1.45, 1.9, 9.6, 2.5), 60, 20, "onAccent", "b"),
  statementText: text("Text", 13, at(1.45, 4.5, 9.2, 1.7), [30, 12], "onAccentMuted"),
  quoteKicker: kicker(14, at(2.3, 0.7, 9.4, 0.4), "muted"),
  quote: title(at(2.3, 1.15, 9.4, 3.7), 40, 16, "ink", "b"),
  quoteBy: text("Source", 13, at(2.3, 5.1, 9.4, 0.6), [18, 10], "muted"),
  closing: title(at(margin, 1.25, 5.1, 5), 60, 24, "onHero", "ctr"),
  closingPoints: list("Points", at(6.9, 1.25, 5.1, 5), 22, "onHero", "onHeroAccent")
} as const satisfies Record<string, Place>

/** Below the headline. */
export const body = at(margin, 1.95, inner, 4.6)

export const placeholderOf = ({ index, type }: Place): Placeholder => ({
  type,
  ...(index !== undefined && { index })
})

/** The place as its layout has it. */
export const layoutText = (place: Place, palette: Palette): TextItem => {
  const { anchor = "t", area, bold, bullet, font = "body", mark, most, name, spacing } = place
  return {
    kind: "text",
    name,
    placeholder: placeholderOf(place),
    area,
    anchor,
    font,
    paragraphs: [{ runs: [{ text: name === "Title" ? "Headline" : name }] }],
    style: {
      size: place.size ?? most,
      color: palette[place.color],
      ...(bold !== undefined && { bold }),
      ...(spacing !== undefined && { spacing }),
      ...(bullet !== undefined && { bullet }),
      ...(mark !== undefined && { mark: palette[mark] })
    }
  }
}
