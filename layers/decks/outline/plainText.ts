/** Texts without inline Markdown, and points made of them. */
import { Lexer, Tokenizer, type MarkedToken, type Token } from "marked"
import type { Point } from "./Outline.ts"

/** One line of a text: no control characters, single spaces. */
export const clean = (text: string): string =>
  text
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, " ")
    .replace(/\s+/gu, " ")
    .trim()

const none = () => undefined
/** Markdown as people write it: HTML, `2*3*4`, `~5`, underlined headings and indented code are plain text. */
class Rules extends Tokenizer {
  override html = none
  override def = none
  override code = none
  override lheading = none
  override emStrong = (text: string, masked: string, before = "") =>
    /[\p{L}\p{N}]$/u.test(before) ? undefined : super.emStrong(text, masked, before)
  override del = (text: string, masked: string, before?: string) =>
    text.startsWith("~~") ? super.del(text, masked, before) : undefined
}

/** A lexer without state of earlier texts. */
export const lexer = () => new Lexer({ gfm: true, tokenizer: new Rules() })

/** Longer texts are not searched for marks: that takes time with the square of the length. */
const mostMarked = 5000

/** The text that a slide shows, and the addresses of links and the struck text that it does not. */
const read = (given: string) => {
  const notes: Array<string> = []
  const flat = (tokens: ReadonlyArray<Token> = []): string =>
    // There are no extensions, whose tokens are of other types.
    (tokens as ReadonlyArray<MarkedToken>)
      .map((token) => {
        switch (token.type) {
          case "strong":
          case "em":
            return flat(token.tokens)
          case "escape":
          case "codespan":
            return token.text
          case "del":
            notes.push(clean(flat(token.tokens)))
            return ""
          case "link":
          case "image": {
            const label = token.type === "image" ? token.text : flat(token.tokens)
            if (/^!?\[/u.test(token.raw)) notes.push(`${clean(label)}: ${token.href}`)
            return label
          }
          default:
            return token.raw
        }
      })
      .join("")
  const text = clean(given)
  if (text.length > mostMarked || !/[\\`*_~[<]/u.test(text)) return { text, notes }
  return { text: clean(flat(lexer().inlineTokens(text))), notes }
}

/** A line without inline Markdown; code spans keep their characters. */
export const plain = (text: string): string => read(text).text
export const hidden = (text: string): ReadonlyArray<string> => read(text).notes

/** Changes the texts of a value; `name`: of the field, or the index in a list. */
export const mapTexts = <A>(value: A, change: (text: string, name: string) => string): A =>
  // Strings become strings, and everything else stays what it was.
  JSON.parse(JSON.stringify(value), (name, each: unknown) =>
    typeof each === "string" ? change(each, name) : each
  ) as A

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

/** A clock time at the start of a line, as in a timetable. */
const time =
  /^(\d{1,2}[:.]\d{2}(?:\s?[–-]\s?\d{1,2}[:.]\d{2})?(?:\s?(?:[ap]\.?m\.?|Uhr|h|UTC|GMT|CES?T))?)\s*[:,–—-]?\s+(\S.*)$/iu
const bold = /^(?:\*\*|__)([^*_]{1,60}?)[:：]?(?:\*\*|__)[:：]?\s*[–—-]?\s+(\S.*)$/u
const labelled = /^([^:：]{1,40}?)(?:\s*:\s+|\s*：\s*)(\S.*)$/u

export const isTimed = (line: string): boolean => time.test(clean(line))

/** A point; `label: text`, `**label** text` and `09:00 text` have a lead. */
export const toPoint = (line: string): Point => {
  const whole = plain(line)
  const [, lead = "", rest = ""] = time.exec(whole) ?? bold.exec(clean(line)) ?? labelled.exec(whole) ?? []
  return plain(rest) === "" ? { text: whole } : { lead: plain(lead), text: plain(rest) }
}

/** Text between the lead of a point and its text. */
export const separator = (lead: string): string => (isTimed(`${lead} x`) ? "  " : ": ")

export const pointText = ({ lead, text }: Point): string =>
  lead === undefined ? text : `${lead}${separator(lead)}${text}`

/** A short word before the full stop may be an abbreviation. */
const sentenceEnd = /(?<=[\p{L}\d%)]{4}[.!?])\s+(?=[\p{Lu}\p{Lo}"“„«])|(?<=[。！？])/u

/** The sentences of a paragraph; a short line stays whole. */
export const sentences = (text: string): ReadonlyArray<string> =>
  text.length <= 160 && !/[。！？].{20}/u.test(text)
    ? [text]
    : text.split(sentenceEnd).filter((part) => part !== "")
