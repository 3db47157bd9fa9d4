/** Plain text from lines of input: control characters and inline Markdown removed, points and sentences split. */
import type { Point } from "./Outline.ts"

/** One line of a text: no control characters, single spaces. */
export const clean = (text: string): string =>
  text
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, " ")
    .replace(/\s+/gu, " ")
    .trim()

const link = /!?\[([^\]]*)\]\(([^()\s]+)(?:\s+"[^"]*")?\)/gu
const struck = /~~(?=\S)(.*?\S)~~/gu
/** Markers count only at the edge of a word, as in CommonMark: `2 * 3`, `COUNT(*)` and `snake_case` stay. */
const emphasis = ["\\*\\*\\*", "\\*\\*", "\\*", "__", "_"].map(
  (mark) =>
    new RegExp(
      `(?<![\\p{L}\\p{N}*_])${mark}(?=[\\p{L}\\p{N}"'“„«(#$€£+−-])((?:(?!${mark}).)*?[\\p{L}\\p{N}\\p{P}])${mark}(?![\\p{L}\\p{N}*_])`,
      "gu"
    )
)

/** A line without inline Markdown; code spans keep their characters. */
export const plain = (text: string): string => {
  const parts = clean(text).split(/`([^`]+)`/u)
  const read = (part: string) =>
    emphasis.reduce((rest, mark) => rest.replace(mark, "$1"), part.replace(struck, "").replace(link, "$1"))
  return clean(parts.map((part, index) => (index % 2 === 0 ? read(part) : part)).join(""))
}

/** All texts of a value, without addresses of pictures and names of layouts. */
export const textsOf = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string"
    ? /^(?:data:|#\d)/u.test(value)
      ? []
      : [value]
    : typeof value === "object" && value !== null
      ? Object.entries(value).flatMap(([name, each]) =>
          /^(?:layout|kind|image)$/u.test(name) ? [] : textsOf(each)
        )
      : []

/** Addresses of links and struck text, which slides do not show; they go into the notes. */
export const hidden = (text: string): ReadonlyArray<string> => [
  ...[...text.matchAll(link)].map(([, label = "", address = ""]) => `${plain(label)}: ${address}`),
  ...[...text.matchAll(struck)].map(([, deleted = ""]) => plain(deleted))
]

/** A clock time at the start of a line, as in a timetable. */
const time =
  /^(\d{1,2}[:.]\d{2}(?:\s?[–-]\s?\d{1,2}[:.]\d{2})?(?:\s?(?:[ap]\.?m\.?|Uhr|h|UTC|GMT|CES?T))?)\s*[:,–—-]?\s+(\S.*)$/iu
const bold = /^(?:\*\*|__)([^*_]{1,60}?)[:：]?(?:\*\*|__)[:：]?\s*[–—-]?\s+(\S.*)$/u
const labelled = /^([^:：]{1,40}?)(?:\s*:\s+|\s*：\s*)(\S.*)$/u
const address = /^[a-z][a-z0-9+.-]*:\/\//iu

export const isTimed = (line: string): boolean => time.test(clean(line))

/** A point; `label: text`, `**label** text` and `09:00 text` have a lead. */
export const toPoint = (line: string): Point => {
  const text = clean(line)
  const whole = plain(line)
  const [, lead = "", rest = ""] =
    time.exec(whole) ?? bold.exec(text) ?? (address.test(whole) ? null : labelled.exec(whole)) ?? []
  return rest === "" || plain(rest) === "" ? { text: whole } : { lead: plain(lead), text: plain(rest) }
}

/** What stands between the lead of a point and its text. */
export const separator = (lead: string): string => (isTimed(`${lead} x`) ? "  " : ": ")

export const pointText = ({ lead, text }: Point): string =>
  lead === undefined ? text : `${lead}${separator(lead)}${text}`

const abbreviation =
  "approx|bzw|ca|Co|Corp|Dr|e\\.g|etc|evtl|ggf|i\\.e|Inc|Jr|Ltd|Mio|Mr|Mrd|Mrs|Ms|No|Nr|Prof|Sr|St|u\\.a|usw|vgl|vs|z\\.B"
const sentenceEnd = new RegExp(
  `(?<!(?<![\\p{L}])(?:${abbreviation})\\.)(?<=[\\p{L}\\d%)€"”“»]{2}[.!?])\\s+(?=[\\p{Lu}\\p{Lo}"“„«])|(?<=[。！？])`,
  "u"
)

/** The sentences of a paragraph; a short line stays whole. */
export const sentences = (text: string): ReadonlyArray<string> =>
  text.length <= 160 && !/[。！？].{20}/u.test(text)
    ? [text]
    : text.split(sentenceEnd).filter((part) => part !== "")
