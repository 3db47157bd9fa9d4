/** Measures text with the widths of real fonts, and finds the size at which it fits a box. */
import { indents, levelIndent, type Paragraph, type Run } from "./Item.ts"
import metrics from "./metrics.json" with { type: "json" }

/** Widths of characters by their code points, in thousandths of an em. */
type Widths = Map<number, number>
interface Family {
  readonly line: number
  readonly regular: Widths
  readonly bold: Widths
  readonly factor: number
}

const widthsOf = (runs: Readonly<Record<string, string>>): Widths =>
  new Map(
    Object.entries(runs).flatMap(([first, list]) =>
      list
        .split(" ")
        .flatMap((each, index): ReadonlyArray<readonly [number, number]> =>
          each === "0" ? [] : [[Number.parseInt(first, 16) + index, Number(each)]]
        )
    )
  )

const families = new Map<string, Family>()

/** Of a font that was not measured, the widths of Arial are enlarged: few text fonts are wider than that. */
const family = (font: string): Family => {
  const found = families.get(font)
  if (found !== undefined) return found
  const known = Object.hasOwn(metrics, font)
  const { bold, line, regular } = known ? metrics[font as keyof typeof metrics] : metrics.Arial
  const made = {
    line: (known ? line : 1300) / 1000,
    regular: widthsOf(regular),
    bold: widthsOf(bold),
    factor: known ? 1 : 1.16
  }
  families.set(font, made)
  return made
}

const invisible = /\p{M}|\p{Cf}|\p{Cc}/u
const pictograph = /\p{Extended_Pictographic}|\p{RI}/u
const ideograph =
  /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]|[\u{20000}-\u{3ffff}]/u

/** Of characters that another font has to stand in for; rather too wide than too narrow. */
const guess = (character: string): number =>
  invisible.test(character) ? 0 : pictograph.test(character) ? 1400 : 1000

/** In ems. Renderers differ by a little, so a little is added. */
const tolerance = 1.02
const advance = (text: string, { bold, factor, regular }: Family, isBold: boolean): number => {
  const widths = isBold ? bold : regular
  let sum = 0
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0
    let each = widths.get(code)
    if (each === undefined) widths.set(code, (each = guess(character)))
    sum += each
  }
  return (sum * factor * tolerance) / 1000
}

/** How wide a text is on one line, in points. */
export const width = (text: string, font: string, size: number, bold = false): number =>
  advance(text, family(font), bold) * size

/** How many lines a paragraph takes. Words that are longer than a line are broken, as renderers do. */
const lineCount = (runs: ReadonlyArray<Run>, isBold: boolean, fonts: Family, ems: number): number => {
  let lines = 1
  let used = 0
  /** Width of the word so far: a word may go across runs. */
  let word = 0
  const flush = () => {
    if (word === 0) return
    if (used > 0 && used + word > ems) {
      lines++
      used = 0
    }
    // The characters that fill the last place of each line are not broken: a line more is counted for them.
    if (word > ems) lines += Math.ceil(word / Math.max(ems - 1.4, 0.5)) - 1
    used = Math.min(used + word, ems)
    word = 0
  }
  for (const { bold = isBold, text } of runs)
    for (const part of text.split(/(\s+)/u))
      if (part.includes("\n")) {
        flush()
        lines++
        used = 0
      } else if (/^\s/u.test(part)) {
        flush()
        // Spaces at the end of a line hang over it.
        used += advance(" ", fonts, bold) * part.length
      } else if (ideograph.test(part))
        for (const character of part) {
          flush()
          word = advance(character, fonts, bold)
        }
      else word += advance(part, fonts, bold)
  flush()
  return lines
}

/** How high paragraphs are in a box of that breadth, in points. */
export const height = (paragraphs: ReadonlyArray<Paragraph>, breadth: number, font: string): number => {
  const fonts = family(font)
  let sum = 0
  for (const { before = 0, bold = false, bullet, level = 0, runs, size = 18, spacing = 1 } of paragraphs) {
    const indent = bullet === undefined ? 0 : indents[bullet] + level * levelIndent
    const lines = lineCount(runs, bold, fonts, Math.max(breadth / size - indent, 1))
    sum += before + lines * size * fonts.line * spacing
  }
  return sum
}

/** The largest number from `low` to `high` for which it holds; it holds for `low`. */
export const largestWhere = (low: number, high: number, holds: (number: number) => boolean): number => {
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (holds(middle)) low = middle
    else high = middle - 1
  }
  return low
}

/** The largest size, in steps of half a point, at which paragraphs of that size fit an area in inches; absent: none. */
export const largest = (
  paragraphs: (size: number) => ReadonlyArray<Paragraph>,
  area: { readonly w: number; readonly h: number },
  { least, most }: { readonly most: number; readonly least: number },
  font: string
): number | undefined => {
  const fits = (half: number) => height(paragraphs(half / 2), area.w * 72, font) <= area.h * 72
  const low = Math.round(least * 2)
  return fits(low) ? largestWhere(low, Math.round(most * 2), fits) / 2 : undefined
}

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** As much of a text as fits, at a word's end if there is one nearby, with an ellipsis when something is left out. */
export const shortened = (text: string, fits: (text: string) => boolean): string => {
  if (fits(text)) return text
  const ends = [...graphemes.segment(text)].map(({ index }) => index)
  const cut = (index: number) => `${text.slice(0, ends[index] ?? 0).trimEnd()}…`
  const rough = text.slice(0, ends[largestWhere(0, ends.length - 1, (index) => fits(cut(index)))] ?? 0)
  const space = rough.search(/\s\S*$/u)
  const neat = space > rough.length * 0.6 ? rough.slice(0, space) : rough
  return `${neat.replace(/[\s,;:.–—-]+$/u, "")}…`
}
