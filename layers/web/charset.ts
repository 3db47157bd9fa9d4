/** Detects the charset as browsers do (byte order mark, Content-Type, declaration in the document, UTF-8) and decodes. */
import { scan } from "./htmlTokens.ts"

/** Charset declaration in the document: `<meta>` for `html`, XML declaration for `xml`, none for `text`. */
export type Syntax = "html" | "xml" | "text"

export interface Decoded {
  readonly text: string
  /** Possible problems of the text; usually empty. */
  readonly notes: ReadonlyArray<string>
}

/** Search range for `<meta charset>` in bytes; browsers accept it after the 1024 of the standard. */
const declaredWithin = 256 * 1024
/** Maximum share of errors among non-ASCII characters for a text to count as UTF-8. */
const tolerated = 0.1

const decoderFor = (label: string, fatal = false) => {
  try {
    // The type lists only some labels of the Encoding standard, section 4.2.
    return new TextDecoder(label.trim() as Bun.Encoding, { fatal })
  } catch {
    return undefined
  }
}

const latin1 = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes)

/** The label after `charset=` in a Content-Type, unchanged. */
export const charsetOf = (contentType: string): string | undefined => {
  for (const parameter of contentType.slice(0, 1000).split(";").slice(1)) {
    const at = parameter.indexOf("=")
    if (at === -1 || parameter.slice(0, at).trim().toLowerCase() !== "charset") continue
    const value = parameter.slice(at + 1).trim()
    const label =
      value.startsWith('"') || value.startsWith("'") ? value.slice(1).split(value.slice(0, 1), 1)[0] : value
    if (label !== undefined && label !== "") return label
  }
  return undefined
}

const byteOrderMark = ([one, two, three]: Uint8Array) => {
  if (one === 0xef && two === 0xbb && three === 0xbf) return "utf-8"
  if (one === 0xfe && two === 0xff) return "utf-16be"
  return one === 0xff && two === 0xfe ? "utf-16le" : undefined
}

/** UTF-16 without a mark: `<` and what follows it, with a zero beside each (XML 1.0, appendix F). */
const utf16Markup = ([one, two, three, four]: Uint8Array) => {
  if (one === 0x3c && two === 0 && three !== 0 && four === 0) return "utf-16le"
  return one === 0 && two === 0x3c && three === 0 && four !== 0 ? "utf-16be" : undefined
}

const xmlDeclaration = (head: string) =>
  /^\s{0,100}<\?xml\s[^>]{0,200}?encoding\s{0,20}=\s{0,20}["']([\w.:-]{1,50})["']/.exec(head)?.[1]

/** HTML standard, section 13.2.3.2; comments and scripts are skipped. */
const metaDeclaration = (bytes: Uint8Array) => {
  let found: string | undefined
  const accept = (label: string | undefined) => {
    if (label !== undefined && decoderFor(label) !== undefined) found = label
    return found === undefined
  }
  scan(latin1(bytes.subarray(0, declaredWithin)), {
    open: (name, attributes) => {
      if (name !== "meta") return true
      if (attributes["charset"] !== undefined) return accept(attributes["charset"])
      const declares = attributes["http-equiv"]?.toLowerCase() === "content-type"
      return declares ? accept(charsetOf(attributes["content"] ?? "")) : true
    },
    close: () => true,
    text: () => true
  })
  // A page that is readable as ASCII is not UTF-16 (same section, "prescan", step 2.3).
  if (found !== undefined && decoderFor(found)?.encoding.startsWith("utf-16")) return "utf-8"
  return found?.toLowerCase() === "x-user-defined" ? "windows-1252" : found
}

const declared = (bytes: Uint8Array, syntax: Syntax) => {
  if (syntax === "text") return undefined
  const inXml = xmlDeclaration(latin1(bytes.subarray(0, 512)))
  if (inXml !== undefined && decoderFor(inXml) !== undefined) {
    return decoderFor(inXml)?.encoding.startsWith("utf-16") === true ? "utf-8" : inXml
  }
  return syntax === "html" ? metaDeclaration(bytes) : undefined
}

const count = (text: string, pattern: RegExp) => text.match(pattern)?.length ?? 0

/** Without a declaration: UTF-8, possibly with errors, else windows-1252. */
const guess = (bytes: Uint8Array, cut: boolean): Decoded => {
  const text = new TextDecoder().decode(bytes, { stream: cut })
  const wrong = count(text, /\ufffd/g)
  if (wrong === 0) return { text, notes: [] }
  if (wrong <= tolerated * count(text, /[^\u0000-\u007f]/g))
    return { text, notes: [unreadable(wrong, "utf-8")] }
  return {
    text: new TextDecoder("windows-1252").decode(bytes),
    notes: ["No encoding is declared and the text is not UTF-8; it was read as windows-1252."]
  }
}

const unreadable = (characters: number, encoding: string) =>
  `${characters} characters could not be decoded as ${encoding} and are shown as U+FFFD.`

/** `cut`: the bytes are truncated, possibly within a character. */
export const decode = (
  bytes: Uint8Array,
  label: string | undefined,
  syntax: Syntax,
  cut = false
): Decoded => {
  const notes: Array<string> = []
  const known = label === undefined || decoderFor(label) !== undefined ? label : undefined
  if (known === undefined && label !== undefined) {
    notes.push(`The declared encoding "${label.slice(0, 40)}" is unknown and was ignored.`)
  }
  const name =
    byteOrderMark(bytes) ??
    (syntax === "text" ? undefined : utf16Markup(bytes)) ??
    known ??
    declared(bytes, syntax)
  const decoder = name === undefined ? undefined : decoderFor(name)
  if (decoder === undefined) {
    const guessed = guess(bytes, cut)
    return { text: guessed.text, notes: [...notes, ...guessed.notes] }
  }
  const text = decoder.decode(bytes, { stream: cut })
  const wrong = count(text, /\ufffd/g)
  if (wrong > 0) notes.push(unreadable(wrong, decoder.encoding))
  return { text, notes }
}
