/** Folder names from client and project names that are safe on every file system. */

/** Maximum length in bytes of UTF-8. File systems allow 255; a number may be appended. */
const maxBytes = 120

/** Characters with a meaning in Windows paths, shells or URLs, and invisible ones. */
const unsafeCharacters = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*\p{Cf}\p{Cn}\p{Co}\p{Zl}\p{Zp}]+/gu
/** Reserved device names of Windows, also with an extension (Microsoft, "Naming Files, Paths, and Namespaces"). */
const reservedName = /^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])(?:\.|$)/iu

const segments = new Intl.Segmenter(undefined, { granularity: "grapheme" })
const size = (text: string) => new TextEncoder().encode(text).length

const cut = (text: string): string => {
  if (size(text) <= maxBytes) return text
  let kept = ""
  let bytes = 0
  for (const { segment } of segments.segment(text)) {
    bytes += size(segment)
    if (bytes > maxBytes) break
    kept += segment
  }
  return kept
}

const trimmed = (text: string) => text.replace(/^[\s.~-]+|[\s.]+$/gu, "")

/**
 * A safe folder name: NFC, without separators, control characters, reserved names, and leading or trailing dots.
 * `undefined` if nothing remains. A safe name is returned unchanged.
 */
export const safeName = (name: string): string | undefined => {
  const spaced = name
    .slice(0, 2000)
    .toWellFormed()
    .normalize("NFC")
    .replace(unsafeCharacters, "-")
    .replace(/\s+/gu, " ")
  const plain = trimmed(cut(trimmed(spaced)))
  if (!/[\p{L}\p{N}]/u.test(plain)) return undefined
  return reservedName.test(plain) ? trimmed(cut(`_${plain}`)) : plain
}
