/** What kind of thing a body is, by its declared type and its first bytes, and how its bytes become text. */

/** `html` is for reading, `text` is shown as it is, of `binary` only type and size are told. */
export type Kind = "html" | "text" | "binary"

const html: ReadonlySet<string> = new Set(["text/html", "application/xhtml+xml"])
/** Beside `text/*` and the suffixes `+json`, `+xml` and `+yaml`. */
const texts =
  /^application\/(?:json|xml|javascript|ecmascript|yaml|x-yaml|toml|sql|graphql|ld\+json|x-ndjson|jsonl?|x-sh|x-www-form-urlencoded|rtf)$/
const suffixed = /\+(?:json|xml|yaml)$/
/** What decides about a body without a type, in bytes. */
const probed = 1024
const startsLikeHtml = /^\s*(?:<!--[^]*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b/i

/** `text/html` of `Text/HTML; charset=utf-8`; empty when there is none. */
export const essence = (contentType: string | null): string =>
  (contentType ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? ""

/** The label after `charset=`, as the server wrote it. */
export const charset = (contentType: string | null): string | undefined =>
  /;\s*charset\s*=\s*(?:"([^"]*)"|([^;\s]+))/i
    .exec(contentType ?? "")
    ?.slice(1)
    .find((label) => label !== undefined)

const isUtf16 = ([one, two]: Uint8Array) => (one === 0xfe && two === 0xff) || (one === 0xff && two === 0xfe)

export const kindOf = (contentType: string | null, bytes: Uint8Array): Kind => {
  const type = essence(contentType)
  if (html.has(type)) return "html"
  const head = bytes.subarray(0, probed)
  // No text has a zero byte, except in encodings that say so.
  const binary = head.includes(0) && !isUtf16(head) && !/^utf-?(?:16|32)/i.test(charset(contentType) ?? "")
  if (binary) return "binary"
  if (type.startsWith("text/") || texts.test(type) || suffixed.test(type)) return "text"
  if (type !== "") return "binary"
  return startsLikeHtml.test(new TextDecoder("latin1").decode(head)) ? "html" : "text"
}

const decoder = (label: string) => {
  try {
    // Whether it is the name of an encoding is what the constructor tells.
    return new TextDecoder(label as Bun.Encoding)
  } catch {
    // A name that nobody knows says nothing.
    return undefined
  }
}

/**
 * Text by its declared charset, else UTF-8 if it is that, else windows-1252, which accepts everything; a byte order mark
 * stands above all of them. `cut` says that the bytes end anywhere, perhaps within a character.
 */
export const decode = (bytes: Uint8Array, label: string | undefined, cut = false): string => {
  const marked = isUtf16(bytes) ? (bytes[0] === 0xfe ? "utf-16be" : "utf-16le") : undefined
  const named = decoder(marked ?? label ?? "")
  if (named !== undefined) return named.decode(bytes, { stream: cut })
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: cut })
  } catch {
    return new TextDecoder("windows-1252").decode(bytes)
  }
}

/** Everything that is neither printed nor a line or tab. */
const controls = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g

/** Foreign text that can be stored and shown anywhere: at most `most` UTF-16 units, no controls, no half characters. */
export const presentable = (
  text: string,
  most: number
): { readonly text: string; readonly truncated: boolean } => {
  const clean = text.replace(/\r\n?/g, "\n").replace(controls, "")
  const half = /[\ud800-\udbff]$/.test(clean.slice(0, most)) && clean.length > most
  return { text: clean.slice(0, half ? most - 1 : most).toWellFormed(), truncated: clean.length > most }
}
