/** The language and the direction of a text, by its script, and pages mirrored for decks that run from right to left. */
import { page, type Geometry, type Item, type Style } from "./Item.ts"

/** Scripts that belong to one language, or to one that most decks in them are written in; BCP 47. */
const scripts: ReadonlyArray<readonly [RegExp, string]> = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, "ja-JP"],
  [/\p{Script=Hangul}/u, "ko-KR"],
  [/\p{Script=Arabic}/u, "ar-SA"],
  [/\p{Script=Hebrew}/u, "he-IL"],
  [/\p{Script=Cyrillic}/u, "ru-RU"],
  [/\p{Script=Greek}/u, "el-GR"],
  [/\p{Script=Thai}/u, "th-TH"],
  [/\p{Script=Devanagari}/u, "hi-IN"]
]
const scriptLanguage = (text: string) => scripts.find(([pattern]) => pattern.test(text))?.[1]

/** The languages of a deck, by kinds of letters; absent where they are not known. */
export interface Languages {
  readonly latin: string | undefined
  readonly han: string
}

/** Japanese and Korean texts have Han characters as well. */
export const languagesOf = (text: string, latin: string | undefined): Languages => {
  const found = scriptLanguage(text) ?? ""
  return { latin, han: /^(?:ja|ko)/.test(found) ? found : "zh-CN" }
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

/** By the script that most letters of a text have; absent where it is not known. */
export const languageOf = (text: string, { han, latin }: Languages): string | undefined => {
  const others = count(text, /[^\p{Script=Latin}\P{L}]/gu)
  if (others === 0 || others * 2 < count(text, /\p{L}/gu)) return latin
  return scriptLanguage(text) ?? (/\p{Script=Han}/u.test(text) ? han : undefined)
}

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/gu

/** Whether most letters of a deck are of a script that runs from right to left. */
export const isRightToLeft = (text: string): boolean => count(text, rightToLeft) * 2 > count(text, /\p{L}/gu)

/** Whether the first letter is of a script that runs from right to left (UAX 9, rule P2). */
export const startsRightToLeft = (text: string): boolean => isRightToLeft(/\p{L}/u.exec(text)?.[0] ?? "")

const mirroredShapes: Partial<Record<Geometry, Geometry>> = {
  "quarter-tl": "quarter-tr",
  "quarter-tr": "quarter-tl",
  "quarter-bl": "quarter-br",
  "quarter-br": "quarter-bl"
}

const mirrorStyle = <S extends Style>(style: S): S => ({
  ...style,
  rtl: true,
  align: style.align === "r" ? "l" : "r"
})

/** Code runs from left to right everywhere. */
const mirrorContent = (item: Item): Item => {
  switch (item.kind) {
    case "text": {
      if (item.font === "mono") return item
      const paragraphs = item.paragraphs.map(mirrorStyle)
      return { ...item, paragraphs, ...(item.style && { style: mirrorStyle(item.style) }) }
    }
    case "shape":
      return { ...item, geometry: mirroredShapes[item.geometry ?? "rect"] ?? item.geometry ?? "rect" }
    case "table":
      return { ...item, rtl: true }
    default:
      return item
  }
}

export const mirror = (given: Item): Item => {
  const item = mirrorContent(given)
  const { area } = item
  return area === undefined ? item : { ...item, area: { ...area, x: page.w - area.x - area.w } }
}
