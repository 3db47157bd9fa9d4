/** The built-in filters of templates: `{{ it.language | language }}`. */

/** Called with the value and the filter's arguments; may be async. Throws to reject the value. */
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

/** `de` → `German (de)`; a value that is not a language tag (BCP 47) is unchanged. */
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
  /** First letter in upper case. */
  capital: (value) => text(value).replace(/^./u, (first) => first.toUpperCase()),
  trim: (value) => text(value).trim(),
  /** At most `max` code points, with an ellipsis if the text was cut. */
  truncate: (value, max) => {
    const characters = Array.from(text(value))
    return characters.length <= Number(max)
      ? text(value)
      : `${characters.slice(0, Number(max) - 1).join("")}…`
  },
  /** Indents every line by the given number of spaces. */
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
