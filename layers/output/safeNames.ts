/** Names of folders made from what people call their clients and projects: safe on every file system. */

/** Bytes of UTF-8; file systems allow 255, and a number may follow. */
const longest = 120

/** What Windows, a shell or a URL would take for something else, and what cannot be seen. */
const refused = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]+/gu
/** Devices of Windows, also with an extension (Microsoft, "Naming Files, Paths, and Namespaces"). */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/iu

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" })
const size = (text: string) => new TextEncoder().encode(text).length

const cut = (text: string): string => {
  if (size(text) <= longest) return text
  let kept = ""
  let bytes = 0
  for (const { segment } of segments.segment(text)) {
    bytes += size(segment)
    if (bytes > longest) break
    kept += segment
  }
  return kept
}

const trimmed = (text: string) => text.replace(/^[\s.~-]+|[\s.]+$/gu, "")

/**
 * One folder's name: NFC, without separators, controls and reserved names, without dots at its ends. `undefined` where
 * nothing is left of it. A name that is safe stays as it is.
 */
export const safeName = (name: string): string | undefined => {
  const spaced = name
    .slice(0, 2000)
    .toWellFormed()
    .normalize("NFC")
    .replace(refused, "-")
    .replace(/\s+/gu, " ")
  const plain = trimmed(cut(trimmed(spaced)))
  if (!/[\p{L}\p{N}]/u.test(plain)) return undefined
  return device.test(plain) ? trimmed(cut(`_${plain}`)) : plain
}

/** `content.pptx`, `content-2.pptx` and so on. */
export const fileName = (number: number): string => (number === 1 ? "content.pptx" : `content-${number}.pptx`)

/** The number of such a name. */
export const fileNumber = (name: string): number | undefined => {
  const found = /^content(?:-([1-9]\d{0,5}))?\.pptx$/.exec(name)
  if (found === null || found[1] === "1") return undefined
  return found[1] === undefined ? 1 : Number(found[1])
}
