/** JSON with sorted keys, so that equal values have equal text: RFC 8785 for values that are JSON. */

/** A value may be as deep as the parser allows. Deeper parts count as absent. */
const maxDepth = 256

export const canonicalJson = (value: unknown, depth = 0): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null"
  if (depth > maxDepth) return "null"
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each, depth + 1)).join()}]`
  const fields = Object.entries(value)
  if (fields.length > 1) fields.sort(([a], [b]) => (a < b ? -1 : 1))
  let text = ""
  for (const [key, inner] of fields) {
    text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${canonicalJson(inner, depth + 1)}`
  }
  return `{${text}}`
}
