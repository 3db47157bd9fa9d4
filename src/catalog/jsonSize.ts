/** Approximate size of a value as JSON, in bytes, without serializing it, up to a limit. */

/** Longer strings are measured in UTF-8; for shorter ones the difference is negligible. */
const long = 1024

const ofText = (text: string): number => (text.length > long ? Buffer.byteLength(text) : text.length) + 3

/** Stops beyond `max` and returns a greater number. Functions count as 0. */
export const jsonSize = (value: unknown, max: number): number => {
  if (typeof value === "string") return ofText(value)
  if (typeof value !== "object" || value === null) return typeof value === "function" ? 0 : 6
  let size = 2
  if (Array.isArray(value)) {
    for (const item of value) {
      if (size > max) break
      size += jsonSize(item, max - size)
    }
    return size
  }
  for (const key in value) {
    if (size > max) break
    // Includes getters, which catalog entries have.
    size += ofText(key) + jsonSize((value as Readonly<Record<string, unknown>>)[key], max - size)
  }
  return size
}
