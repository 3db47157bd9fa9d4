/** How many bytes a value takes as JSON, about: without writing it, and only as far as a limit. */

/** Longer strings are measured in UTF-8; for shorter ones the difference does not matter. */
const long = 1024

const ofText = (text: string): number => (text.length > long ? Buffer.byteLength(text) : text.length) + 3

/** More than `most` once it is exceeded: the rest is not looked at. Functions count nothing. */
export const jsonSize = (value: unknown, most: number): number => {
  if (typeof value === "string") return ofText(value)
  if (typeof value !== "object" || value === null) return typeof value === "function" ? 0 : 6
  let size = 2
  if (Array.isArray(value)) {
    for (const item of value) {
      if (size > most) break
      size += jsonSize(item, most - size)
    }
    return size
  }
  for (const key in value) {
    if (size > most) break
    // Own and inherited members: entries of the catalog have getters.
    size += ofText(key) + jsonSize((value as Readonly<Record<string, unknown>>)[key], most - size)
  }
  return size
}
