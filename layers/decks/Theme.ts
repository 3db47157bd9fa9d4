/** Themes of decks: six colours, two fonts and perhaps a logo; and the colours that follow from them. */
import { Schema } from "effect"

const Hex = Schema.String.check(Schema.isPattern(/^#?[0-9A-Fa-f]{6}$/, { expected: "a colour as #1B4F72" }))
const Font = Schema.String.check(
  Schema.isPattern(/^[\p{L}\p{N}][\p{L}\p{N} .'-]{0,63}$/u, { expected: "the name of a font" })
)

export const Colors = Schema.Struct({
  background: Hex,
  surface: Hex,
  ink: Hex,
  /** Of text that is less important. */
  muted: Hex,
  /** What is important; the first series of a chart. */
  accent: Hex,
  /** What contrasts with the accent. */
  second: Hex
})

export const ThemeFile = Schema.Struct({
  colors: Colors,
  fonts: Schema.Struct({ head: Font, body: Font }),
  /** A PNG or JPEG file beside the theme's. */
  logo: Schema.optionalKey(Schema.String)
})
export type ThemeFile = typeof ThemeFile.Type

/** In the order of `Colors`. Calibri and the others that are measured exist wherever PowerPoint does. */
const theme = (
  background: string,
  surface: string,
  ink: string,
  muted: string,
  accent: string,
  second: string
): ThemeFile => ({
  colors: { background, surface, ink, muted, accent, second },
  fonts: { head: "Calibri", body: "Calibri" }
})

export const builtIn: Readonly<Record<string, ThemeFile>> = {
  light: theme("FFFFFF", "F1F4F7", "14213D", "5A6578", "0B7A75", "E4572E"),
  dark: theme("0F172A", "1C2740", "F3F6FB", "A5B1C8", "5EC9B8", "FFA061")
}

const normal = (hex: string) => hex.replace("#", "").toUpperCase()

/** Red, green and blue, 0 to 255. */
const rgb = (hex: string) =>
  normal(hex)
    .match(/../g)
    ?.map((part) => Number.parseInt(part, 16)) ?? []

/** `part` of the first colour in the second. */
export const mix = (first: string, second: string, part: number): string => {
  const other = rgb(second)
  return rgb(first)
    .map((value, index) => Math.round(value * part + (other[index] ?? 0) * (1 - part)))
    .map((value) => value.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase()
}

const luminance = (hex: string): number => {
  const linear = (value: number) => {
    const part = value / 255
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4
  }
  const [r = 0, g = 0, b = 0] = rgb(hex).map(linear)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

/** WCAG 2.2, contrast ratio: 1–21. */
export const contrast = (first: string, second: string): number => {
  const [a, b] = [luminance(first), luminance(second)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}

/** The colour scheme of a file (ECMA-376, `ST_SchemeColorVal`), `/` a percentage of opacity behind it, or a hex value. */
export type Color = string

export type Palette = ReturnType<typeof palette>

export const palette = ({ colors: given, fonts }: ThemeFile) => {
  const normalized = Object.entries(given).map(([name, color]) => [name, normal(color)])
  // The names are those of the given colours.
  const colors = Object.fromEntries(normalized) as ThemeFile["colors"]
  const { accent, background, ink, muted, second, surface } = colors
  const dark = luminance(background) < luminance(ink)
  const paper = contrast(background, accent) >= contrast(ink, accent)
  const hero = dark ? surface : ink
  const onHero = dark ? ink : background
  const readable = (color: string) => (contrast(color, hero) >= 4.5 ? color : mix(color, onHero, 0.45))
  return {
    dark,
    colors,
    fonts,
    /** `accent1` to `accent6`. */
    accents: [
      accent,
      second,
      mix(accent, ink, 0.45),
      mix(second, background, 0.55),
      muted,
      mix(accent, background, 0.45)
    ],
    background: "bg1",
    surface: "bg2",
    ink: "tx1",
    muted: "tx2",
    accent: "accent1",
    second: "accent2",
    /** Of the pages that open and close a deck, and of what is written on them. */
    hero: dark ? "bg2" : "tx1",
    onHero: dark ? "tx1" : "bg1",
    onHeroMuted: mix(onHero, hero, 0.72),
    onHeroAccent: readable(mix(accent, onHero, dark ? 1 : 0.6)),
    onAccent: paper ? "bg1" : "tx1",
    onAccentMuted: mix(paper ? background : ink, accent, 0.82),
    /** Lines, and bars that stand back. */
    line: mix(muted, background, 0.28),
    quiet: mix(accent, background, 0.38)
  }
}

/** What makes a theme unreadable, one sentence each. WCAG 2.2: 4.5 for text, 3 for what is large. */
export const faults = ({ colors }: ThemeFile): ReadonlyArray<string> => {
  const pairs = [
    ["ink", "background", 4.5],
    ["ink", "surface", 4.5],
    ["muted", "background", 4.5],
    ["accent", "background", 3],
    ["second", "background", 2]
  ] as const
  return pairs.flatMap(([front, back, least]) => {
    const ratio = contrast(colors[front], colors[back])
    return ratio >= least
      ? []
      : [`${front} on ${back} has a contrast of ${ratio.toFixed(1)}, and needs ${least}`]
  })
}
