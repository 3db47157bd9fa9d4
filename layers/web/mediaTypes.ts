/** Detects the kind of a body by its Content-Type and first bytes (MIME sniffing). */
import type { Syntax } from "./charset.ts"

/** `html` is converted to Markdown, `text` is shown unchanged, `binary` by type and size only. */
export type Kind =
  | { readonly kind: "html"; readonly xml: boolean }
  | { readonly kind: "text"; readonly syntax: Syntax }
  | { readonly kind: "binary" }

/** Binary types, whose bodies are not downloaded. */
const binaries =
  /^(?:image\/(?!svg)|audio\/|video\/|font\/|model\/|application\/(?:pdf|zip|gzip|x-gzip|x-tar|x-7z-compressed|x-rar-compressed|vnd\.rar|wasm|java-archive|epub\+zip|msword|x-shockwave-flash|x-bzip2?|x-xz|zstd|vnd\.(?:ms-|openxmlformats|oasis|debian|android|apple|sqlite)))/
const xmlType = /(?:^(?:application|text)\/xml(?:-dtd|-external-parsed-entity)?|\+xml)$/
/** Number of bytes for sniffing. */
const probed = 4096

/** Media type without parameters, in lower case; empty if absent. */
export const essence = (contentType: string | null): string =>
  (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""

/** Whether the type alone is known to be binary. */
export const isBinaryType = (contentType: string | null): boolean => binaries.test(essence(contentType))

const isUtf16 = ([one, two]: Uint8Array) => (one === 0xfe && two === 0xff) || (one === 0xff && two === 0xfe)
const isUtf16Markup = ([one, two, three, four]: Uint8Array) =>
  (one === 0x3c && two === 0 && three !== 0 && four === 0) || (one === 0 && two === 0x3c && three === 0)

/** Text has no zero bytes, except in UTF-16 and UTF-32; `strict` also excludes other control characters. */
const looksBinary = (head: Uint8Array, contentType: string | null, strict: boolean): boolean => {
  if (
    isUtf16(head) ||
    isUtf16Markup(head) ||
    /charset\s*=\s*"?utf-?(?:16|32)/i.test((contentType ?? "").slice(0, 200))
  ) {
    return false
  }
  if (head.includes(0)) return true
  if (!strict) return false
  if (startsWith(head, "%PDF-")) return true
  // Tab, line feed, form feed, carriage return and escape occur in text (MIME Sniffing standard, section 3).
  return head.some(
    (byte) => byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27
  )
}

const startsWith = (head: Uint8Array, text: string) =>
  [...text].every((character, index) => head[index] === character.charCodeAt(0))

/** The first tag after white space, comments and XML declarations, in linear time. */
const firstTag = (head: string): string => {
  let at = 0
  for (;;) {
    while (/\s/.test(head.charAt(at))) at++
    const end = head.startsWith("<!--", at) ? "-->" : head.startsWith("<?", at) ? "?>" : undefined
    if (end === undefined) return head.slice(at, at + 64).toLowerCase()
    const found = head.indexOf(end, at + 2)
    if (found === -1) return ""
    at = found + end.length
  }
}

/** HTML signatures of the MIME Sniffing standard, section 7.1. */
const htmlTag =
  /^<(?:!doctype\s+html|html|head|body|script|iframe|h1|div|font|table|a|style|title|b|br|p)(?=[\s/>])/
const xhtmlTag = /^<(?:!doctype\s+html|html)(?=[\s/>])/

export const kindOf = (contentType: string | null, bytes: Uint8Array): Kind => {
  const type = essence(contentType)
  if (type === "text/html") return { kind: "html", xml: false }
  if (type === "application/xhtml+xml") return { kind: "html", xml: true }
  const head = bytes.subarray(0, probed)
  const named = type.startsWith("text/") || xmlType.test(type) || /[+/](?:json|yaml|javascript)$/.test(type)
  if (isBinaryType(contentType) || looksBinary(head, contentType, !named)) return { kind: "binary" }
  const start = firstTag(
    new TextDecoder("latin1").decode(isUtf16Markup(head) ? head.filter((byte) => byte !== 0) : head)
  )
  if (xmlType.test(type)) {
    return xhtmlTag.test(start) ? { kind: "html", xml: true } : { kind: "text", syntax: "xml" }
  }
  // Only untyped bodies are sniffed for HTML: text/plain is shown unchanged.
  const untyped =
    type === "" || /^(?:application|binary)\/(?:octet-stream|unknown)$|^unknown\/|^\*\//.test(type)
  if (untyped && htmlTag.test(start)) return { kind: "html", xml: false }
  return { kind: "text", syntax: untyped && start.startsWith("<") ? "xml" : "text" }
}

/** Control characters except line breaks and tabs; and Unicode tag characters, which hide text from people but not from models. */
const hidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]|\udb40[\udc00-\udc7f]/g

/** Sanitizes untrusted text: at most `most` UTF-16 units, no control characters, well-formed. */
export const presentable = (
  text: string,
  most: number
): { readonly text: string; readonly truncated: boolean } => {
  const clean = text.replace(/\r\n?/g, "\n").replace(hidden, "")
  const last = clean.charCodeAt(most - 1)
  const half = clean.length > most && last >= 0xd800 && last <= 0xdbff
  return { text: clean.slice(0, half ? most - 1 : most).toWellFormed(), truncated: clean.length > most }
}
