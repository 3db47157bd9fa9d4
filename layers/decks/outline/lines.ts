/** Lines as they are given: cleaned, without marks, and as points. */
import type { Point } from "./Outline.ts"

/** One line of it: no control characters, single spaces. */
export const clean = (text: string): string =>
  text
    .toWellFormed()
    .normalize("NFC")
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/gu, " ")
    .replace(/\s+/gu, " ")
    .trim()

/** Without the marks of Markdown that would be read as characters. */
export const plain = (text: string): string =>
  clean(text)
    .replace(/(\*\*|__)(\S(?:.*?\S)?)\1/gu, "$2")
    .replace(/`([^`]+)`/gu, "$1")

const address = /^[a-z][a-z0-9+.-]*:\/\//i

/** `key: value` has a lead; so has `**key** value`. */
export const toPoint = (line: string, level: 0 | 1 = 0): Point => {
  const under = level === 1 ? { level } : {}
  const bold = /^\*\*([^*]{1,60}?):?\*\*:?\s*[–—-]?\s*(\S.*)$/u.exec(clean(line))
  const pair = bold ?? /^([^:]{1,40}?)\s*:\s+(\S.*)$/u.exec(plain(line))
  if (pair === null || address.test(plain(line))) return { text: plain(line), ...under }
  return { lead: plain(pair[1] ?? ""), text: plain(pair[2] ?? ""), ...under }
}

const ends =
  /(?<!\b(?:approx|bzw|ca|Dr|etc|evtl|ggf|Inc|Ltd|Mio|Mr|Mrd|Mrs|No|Nr|Prof|St|vs)\.)(?<=[\p{Ll}\d%)€"”“]{2}[.!?])\s+(?=[\p{Lu}"“„])/u

/** A paragraph as its sentences; a line of one or two stays whole. */
export const sentences = (text: string): ReadonlyArray<string> => {
  if (text.length <= 160) return [text]
  const all = text.split(ends)
  return all.length < 2 ? [text] : all
}
