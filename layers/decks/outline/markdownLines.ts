/** Patterns of the lines of Markdown and plain text, and what follows from one of them alone. */
import type { Block } from "./Block.ts"
import { plain } from "./plainText.ts"

const ordinal = "Quartal|Halbjahr|Woche|Monat|Jahr|Jan|Feb|März|April?|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez"
export const patterns = {
  fence: /^\s*(`{3,}|~{3,})/u,
  rule: /^(?:-{3,}|\*{3,}|_{3,}|={3,}|(?:- ){2,}-)$/u,
  emptyMarker: /^(?:[-*+•‣▪–]|\d{1,3}[.)]|#{1,6}|>)$/u,
  heading: /^(#{1,6})\s+(\S.*?)(?:\s+#+)?$/u,
  label: /^([^|>]{2,80}?)\s*[:：]$/u,
  item: new RegExp(`^(\\s*)(?:[-*+•‣▪–]|(\\d{1,3})[.)](?!\\s+(?:${ordinal})))\\s+(\\S.*)$`, "u"),
  task: /^\[([ xX])\]\s+(\S.*)$/u,
  row: /^\s*\|(.+)\|\s*$/u,
  ruleRow: /^[\s|:-]+$/u,
  quote: /^>\s?(.*)$/u,
  source: /(?:^|\s+)[–—]{1,2}\s*([^–—]{2,80})$/u,
  quoted: /^(["“„«「].{6,}?["”“»」])\s*[–—]{1,2}\s*(\S.{1,80})$/u,
  picture: /^!\[([^\]]*)\]\((\S+?)(?:\s+"[^"]*")?\)$/u,
  image: /^(?:data:image\/\S+|https?:\/\/\S+\.(?:png|jpe?g|gif)(?:\?\S*)?)$/iu
}
const quotationMarks = /^["“„«「]\s*|\s*["”“»」]$/gu

export const toQuote = (text: string, by?: string): Block => {
  const quote = plain(text).replace(quotationMarks, "")
  return { kind: "quote", quote, ...(by !== undefined && by !== "" && { by: plain(by) }) }
}

/** `First: second`, unless one says the other. */
export const joinHeadings = (...all: ReadonlyArray<string | undefined>): string | undefined => {
  const given = all.filter((text) => text !== undefined && text !== "")
  const distinct = given.filter(
    (text, index) => given.findIndex((each) => each?.toLowerCase() === text?.toLowerCase()) === index
  )
  return distinct.length === 0 ? undefined : distinct.join(": ")
}
