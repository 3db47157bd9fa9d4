/** Reads and writes numbers with signs, currencies and units: `$4.1m`, `12,5 %`, `(1,234)`. */

export type Language = "en" | "de"

/** Words that short texts of the language contain and its neighbours do not. */
const common: Readonly<Record<Language, RegExp>> = {
  en: /\b(?:the|and|with|from|are|our|this|that)\b/giu,
  de: /(?<!\p{L})(?:der|das|und|ist|sind|nicht|für|mit|von|wir|auf|eine[rsnm]?|zur|zum|nach|bis)(?!\p{L})/giu
}
const otherScript = /[^\p{Script=Latin}\P{L}]/gu

/** The language of a text, if it is one that labels and number formats are known for. */
export const textLanguage = (text: string): Language | undefined => {
  const some = text.slice(0, 20_000)
  const count = (pattern: RegExp) => some.match(pattern)?.length ?? 0
  const [en, de] = [count(common.en), count(common.de)]
  if (en === de || count(otherScript) * 5 > count(/\p{L}/gu)) return undefined
  return en > de ? "en" : "de"
}

export type Decimal = "." | ","

/** The decimal separator of a text: the language's, else the one before one or two digits. */
export const decimalOf = (text: string, language: Language | undefined): Decimal | undefined => {
  if (language !== undefined) return language === "en" ? "." : ","
  const count = (mark: string) =>
    text.slice(0, 200_000).match(new RegExp(`\\d[${mark}]\\d{1,2}(?![\\d.,])`, "gu"))?.length ?? 0
  const [dots, commas] = [count("."), count(",")]
  return dots === commas ? undefined : dots > commas ? "." : ","
}

export interface Amount {
  readonly value: number
  readonly prefix: string
  /** With the space before it, if there is one. */
  readonly suffix: string
  /** Four digits without a unit, as of 1999. */
  readonly isYear: boolean
  /** Neither a bare integer, which may be an identifier or a year, nor an accounting negative. */
  readonly isFigure: boolean
}

const amountPattern = new RegExp(
  "^(?<accounting>\\()?(?<sign>[+\\-\u2212±~≈]?)\\s?(?<prefix>[$€£¥₺₹]|(?:USD|EUR|GBP|CHF)\\s?)?(?<inner>[-\u2212]?)" +
    "(?<digits>\\d{1,3}(?:[,.'\u2019\u00a0\u202f ]\\d{3})+(?:[.,]\\d+)?|\\d+(?:[.,]\\d+)?)" +
    "(?<suffix>\\s?(?:%|‰|[^\\d\\s.,:;()/+*=<>|\\-][^\\d:;()|]{0,11}))?(?<close>\\))?$",
  "u"
)
export const month =
  "jan(?:uary|uar)?|feb(?:ruary|ruar)?|mar(?:ch)?|märz?|apr(?:il)?|may|mai|jun[ei]?|jul[yi]?|aug(?:ust)?|sept?(?:ember)?|o[ck]t(?:ober)?|nov(?:ember)?|de[cz](?:ember)?"
/** `12 May`, `3rd`, `9 Uhr`, `7 of …`: parts of dates, times and ratios. */
const noUnit = new RegExp(`^(?:(?:${month}|st|nd|rd|th|uhr|[ap]m|of|von|to|bis)\\b|x\\s)`, "iu")

const toNumber = (written: string, decimal: Decimal | undefined): number | undefined => {
  const bare = written.replace(/['\u2019\u00a0\u202f ]/gu, "")
  const marks = bare.match(/[.,]/gu) ?? []
  const last = marks.at(-1)
  if (last === undefined) return Number(bare)
  const mixed = marks.some((mark) => mark !== last)
  const ambiguous = marks.length === 1 && /^[1-9]\d{0,2}[.,]\d{3}$/u.test(bare)
  if (ambiguous && decimal === undefined) return undefined
  const isDecimal = mixed || (marks.length === 1 && (!ambiguous || last === decimal))
  const digits = isDecimal
    ? bare.replaceAll(last === "." ? "," : ".", "").replace(last, ".")
    : bare.replace(/[.,]/gu, "")
  return Number(digits)
}

/** The amount that a whole text is; absent for text, dates, times, ranges, ratios, and separators of unknown meaning. */
export const readAmount = (text: string, decimal: Decimal | undefined): Amount | undefined => {
  const groups = amountPattern.exec(text.trim())?.groups
  if (groups === undefined) return undefined
  const { accounting, close, digits = "", inner = "", prefix = "", sign = "", suffix = "" } = groups
  if ((accounting === undefined) !== (close === undefined) || noUnit.test(suffix.trim())) return undefined
  const value = toNumber(digits, decimal)
  if (value === undefined || !Number.isFinite(value)) return undefined
  return {
    value: accounting !== undefined || /[-\u2212]/u.test(sign + inner) ? -value : value,
    prefix,
    suffix: suffix.trimEnd(),
    isYear: prefix + suffix === "" && /^(?:19|20)\d{2}$/u.test(digits),
    isFigure: accounting === undefined && `${sign}${prefix}${suffix}` !== ""
  }
}

/** All significant digits; thousands are grouped where the language is known. */
export const writeNumber = (
  value: number,
  language: Language | undefined,
  prefix = "",
  suffix = ""
): string => {
  const digits = Math.abs(value).toLocaleString(language === "de" ? "de-DE" : "en-US", {
    maximumSignificantDigits: 15,
    useGrouping: language !== undefined
  })
  return `${value < 0 ? "\u2212" : ""}${prefix}${digits}${suffix}`
}
