/** HTML tokenizer: tags and text in one pass, in linear time (HTML standard, section 13.2.5, simplified). */
import { decodeHTML, decodeHTMLAttribute } from "entities/decode"

/** Attributes in `kept`; the first of duplicates, as in browsers. */
export type Attributes = Readonly<Record<string, string>>

export interface Handlers {
  /** Returning false ends the scan. `selfClosing`: a `/` before the `>`. */
  readonly open: (name: string, attributes: Attributes, selfClosing: boolean) => boolean | void
  readonly close: (name: string) => boolean | void
  /** With character references decoded, except in raw text elements such as `script` and `style`. */
  readonly text: (text: string) => boolean | void
}

/** Attributes that are kept; others are skipped to save memory. */
const kept: ReadonlySet<string> = new Set(
  "alt alttext aria-hidden aria-label charset checked class colspan content data-lang data-language data-src display encoding height hidden href http-equiv id label name open property reversed role rowspan shadowrootmode src start style title type value width".split(
    " "
  )
)
/** Longest value in UTF-16 units; longer ones are data URLs or inline styles. */
const maxValue = 4096

const none: Attributes = {}

/** Elements whose content is text up to their end tag; character references are resolved in the second kind only. */
const rawText = /^(?:script|style|xmp|iframe|noembed|noframes)$/
const escapableRawText = /^(?:title|textarea)$/

const isSpace = (code: number) => code === 32 || (code >= 9 && code <= 13 && code !== 11)
const isLetter = (code: number) => (code | 32) >= 97 && (code | 32) <= 122
const [slash, greater, equals, doubleQuote, quote] = [47, 62, 61, 34, 39] as const

export const decodeText = (text: string) => (text.includes("&") ? decodeHTML(text) : text)

/** Reads attributes up to and including `>`; `undefined` if the document ends within the tag. */
const readAttributes = (html: string, from: number) => {
  let attributes: Record<string, string> | undefined
  let at = from
  for (;;) {
    let code = html.charCodeAt(at)
    while (isSpace(code) || (code === slash && html.charCodeAt(at + 1) !== greater)) {
      code = html.charCodeAt(++at)
    }
    if (at >= html.length) return undefined
    if (code === greater) return { end: at + 1, attributes: attributes ?? none, selfClosing: false }
    if (code === slash) return { end: at + 2, attributes: attributes ?? none, selfClosing: true }
    const start = at
    do code = html.charCodeAt(++at)
    while (at < html.length && !isSpace(code) && code !== slash && code !== greater && code !== equals)
    const nameEnd = at
    while (isSpace(code)) code = html.charCodeAt(++at)
    let value = ""
    if (code === equals) {
      do code = html.charCodeAt(++at)
      while (isSpace(code))
      if (code === doubleQuote || code === quote) {
        const end = html.indexOf(code === quote ? "'" : '"', at + 1)
        if (end === -1) return undefined
        value = html.slice(at + 1, Math.min(end, at + 1 + maxValue))
        at = end + 1
      } else {
        const valueStart = at
        while (at < html.length && !isSpace(code) && code !== greater) code = html.charCodeAt(++at)
        value = html.slice(valueStart, Math.min(at, valueStart + maxValue))
      }
    }
    if (nameEnd - start > 20) continue
    const name = html.slice(start, nameEnd).toLowerCase()
    if (!kept.has(name)) continue
    attributes ??= {}
    attributes[name] ??= value.includes("&") ? decodeHTMLAttribute(value) : value
  }
}

/** Calls the handlers in document order. `xml` enables `/>` for script and style, and CDATA sections. */
export const scan = (html: string, handlers: Handlers, xml = false): void => {
  const comment = /--!?>/g
  let at = 0
  /** Start of pending text. */
  let from = 0
  const flush = (end: number) => end <= from || handlers.text(decodeText(html.slice(from, end))) !== false

  /** Content of raw text elements; false ends the scan. */
  const readRaw = (name: string): boolean => {
    const ending = new RegExp(`</${name}(?=[\\s/>])`, "gi")
    ending.lastIndex = at
    const end = ending.exec(html)?.index ?? html.length
    const raw = html.slice(at, end)
    from = at = end
    return raw === "" || handlers.text(escapableRawText.test(name) ? decodeText(raw) : raw) !== false
  }

  while (at < html.length) {
    const tag = html.indexOf("<", at)
    if (tag === -1) break
    const next = html.charCodeAt(tag + 1)
    const closing = next === slash && isLetter(html.charCodeAt(tag + 2))
    if (closing || isLetter(next)) {
      if (!flush(tag)) return
      const start = tag + (closing ? 2 : 1)
      let end = start
      let code = next
      do code = html.charCodeAt(++end)
      while (end < html.length && !isSpace(code) && code !== slash && code !== greater)
      const name = html.slice(start, Math.min(end, start + 64)).toLowerCase()
      const read = readAttributes(html, end)
      if (read === undefined) return
      from = at = read.end
      if (closing) {
        if (handlers.close(name) === false) return
        continue
      }
      if (handlers.open(name, read.attributes, read.selfClosing) === false) return
      if (xml && read.selfClosing) continue
      if (name === "plaintext") break
      if (rawText.test(name) || escapableRawText.test(name)) {
        if (!readRaw(name)) return
      }
    } else if (next === 33 || next === 63 || next === slash) {
      if (!flush(tag)) return
      if (html.startsWith("<!--", tag)) {
        comment.lastIndex = tag + 2
        const found = comment.exec(html)
        at = found === null ? html.length : found.index + found[0].length
      } else if (html.startsWith("<![CDATA[", tag)) {
        const end = html.indexOf("]]>", tag)
        const text = html.slice(tag + 9, end === -1 ? html.length : end)
        at = end === -1 ? html.length : end + 3
        if (text !== "" && handlers.text(text) === false) return
      } else {
        const end = html.indexOf(">", tag)
        at = end === -1 ? html.length : end + 1
      }
      from = at
    } else {
      // A `<` without a tag is text.
      at = tag + 1
    }
  }
  flush(html.length)
}
