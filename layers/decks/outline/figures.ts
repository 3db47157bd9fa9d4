/** Finds numbers in what people write: amounts with signs, currencies and units, and what they are amounts of. */

export interface Amount {
  readonly value: number
  /** As it was written. */
  readonly text: string
  /** A currency's sign. */
  readonly prefix: string
  /** A unit, with the space before it if there is one. */
  readonly suffix: string
}

const sign = "[+\\-\u2212\u00b1~\u2248]?"
const currency = "(?:[$€£¥₺₹]|(?:USD|EUR|GBP|CHF)\\s?)?"
const digits = "\\d{1,3}(?:[,.'\u2019\u00a0\u202f ]\\d{3})+(?:[.,]\\d+)?|\\d+(?:[.,]\\d+)?"
const unit =
  "%|‰|pp\\b|[kKmMbB]n?\\b|million\\b|billion\\b|[kMG]?Wh?|kg|t|km|cm|mm|ms|[MGT]B|°[CF]|€|\\$|EUR|USD|CHF|(?:Mio|Mrd)\\.?(?:\\s?(?:€|EUR))?|[xX×](?=\\s|$|[,;.)])"

const whole = new RegExp(`^(${sign})\\s?(${currency})(${digits})(\\s?[^\\d\\s][^\\d]{0,11})?$`, "u")
const inside = new RegExp(
  `(?<=^|[\\s(])(${sign}${currency}(?:${digits})(?:\\s?(?:${unit}))?)(?=$|[\\s,;:.)!?])`,
  "gu"
)

/** `1,234.5`, `1.234,5`, `1 234,5` and `12,5`; a single dot or comma before three digits groups only as a comma. */
const toNumber = (written: string): number => {
  const bare = written.replace(/['\u2019\u00a0\u202f ]/g, "")
  const [dots, commas] = [bare.split(".").length - 1, bare.split(",").length - 1]
  const decimalComma =
    commas === 1 && (dots > 0 ? bare.lastIndexOf(",") > bare.lastIndexOf(".") : !/,\d{3}$/.test(bare))
  const plain = decimalComma
    ? bare.replaceAll(".", "").replace(",", ".")
    : dots > 1
      ? bare.replaceAll(".", "")
      : bare.replaceAll(",", "")
  return Number(plain)
}

/** The amount that a text is, and nothing beside it. */
export const amount = (text: string): Amount | undefined => {
  const found = whole.exec(text.trim())
  if (found === null) return undefined
  const [, before = "", prefix = "", number = "", suffix = ""] = found
  const value = toNumber(number) * (/[-\u2212]/.test(before) ? -1 : 1)
  return Number.isFinite(value)
    ? { value, text: text.trim(), prefix: prefix.trim(), suffix: suffix.trimEnd() }
    : undefined
}

/** A number with nothing beside it may be a version or a page; it is what a line is about where the line begins with it. */
const bare = /^\d+$/
const isYear = (text: string) => /^(?:19|20)\d{2}$/.test(text)
const capital = (text: string) => text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())

/** The one number that a short line is about, and what is said of it: `Market share +3%` is `+3%`, `Market share`. */
export const figure = (line: string): { readonly value: string; readonly label: string } | undefined => {
  const found = [...line.matchAll(inside)].filter(([, text = ""]) => !isYear(text))
  const [first] = found
  if (first === undefined || found.length > 1) return undefined
  if (bare.test(first[1] ?? "") && first.index > 0) return undefined
  const value = (first[1] ?? "").replace("-", "\u2212")
  const at = first.index + first[0].indexOf(first[1] ?? "")
  const label = `${line.slice(0, at)} ${line.slice(at + (first[1] ?? "").length)}`
    .replace(/\s+/g, " ")
    .replace(/^[\s:,;–—-]+|[\s:,;.–—-]+$/gu, "")
    .replace(/\s+(?:by|at|of|to|is|was)$/u, "")
  return label.length < 2 || label.length > 90 ? undefined : { value, label: capital(label) }
}

/** With at most two decimals and grouped thousands, as `1,234.5`. */
export const format = (
  value: number,
  prefix = "",
  suffix = "",
  { locale = "en-US", decimals = 2 }: { readonly locale?: string; readonly decimals?: number } = {}
): string => {
  const scale = 10 ** decimals
  const rounded = Math.round(value * scale) / scale
  const text = Math.abs(rounded).toLocaleString(locale, { maximumFractionDigits: decimals })
  return `${rounded < 0 ? "\u2212" : ""}${prefix}${text}${suffix}`
}
