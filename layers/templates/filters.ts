/** What templates can do to a value on its way into the text: `{{ it.language | language }}`. */

/** Gets the value, and the arguments that the template gives; may be asynchronous. Throws to refuse. */
export type Filter = (value: unknown, ...args: ReadonlyArray<unknown>) => unknown

const text = (value: unknown): string => {
  if (typeof value === "string") return value
  if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint")
    return String(value)
  throw new TypeError(`expected text, got ${Array.isArray(value) ? "a list" : typeof value}`)
}
const list = (value: unknown): ReadonlyArray<unknown> => {
  if (Array.isArray(value)) return value
  throw new TypeError(`expected a list, got ${typeof value}`)
}

/** `de` → `German (de)`; what is no language tag (BCP 47) is left as it is. */
const language = (value: unknown): string => {
  const code = text(value)
  try {
    const name = new Intl.DisplayNames(["en"], { type: "language", fallback: "none" }).of(code)
    return name === undefined ? code : `${name} (${code})`
  } catch {
    return code
  }
}

export const filters: Readonly<Record<string, Filter>> = {
  upper: (value) => text(value).toUpperCase(),
  lower: (value) => text(value).toLowerCase(),
  /** The first letter in upper case. */
  capital: (value) => text(value).replace(/^./u, (first) => first.toUpperCase()),
  trim: (value) => text(value).trim(),
  /** At most so many characters, counted as a reader counts them; an ellipsis where some were cut. */
  truncate: (value, most) => {
    const characters = Array.from(text(value))
    return characters.length <= Number(most)
      ? text(value)
      : `${characters.slice(0, Number(most) - 1).join("")}…`
  },
  /** Every line moved right by so many spaces. */
  indent: (value, spaces) => text(value).replaceAll(/^(?=.)/gm, " ".repeat(Number(spaces))),
  join: (value, separator = ", ") => list(value).map(text).join(text(separator)),
  bullets: (value) =>
    list(value)
      .map((item) => `- ${text(item)}`)
      .join("\n"),
  /** `3 | plural("point")` → `3 points`. */
  plural: (value, one, many = `${text(one)}s`) => `${text(value)} ${text(Number(value) === 1 ? one : many)}`,
  /** `article` → `an article`. */
  article: (value) => `${/^[aeiou]/i.test(text(value)) ? "an" : "a"} ${text(value)}`,
  json: (value) => JSON.stringify(value),
  language
}
