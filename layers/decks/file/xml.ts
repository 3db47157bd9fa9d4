/** Text for XML 1.0: escaped, and free of the characters that no XML document may have. */

/** XML 1.0, section 2.2, `Char`; lone surrogates are replaced before. */
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g
const special = /[&<>"]/g
const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" }

export const escape = (text: string): string =>
  text
    .toWellFormed()
    .replace(forbidden, "")
    .replace(special, (character) => entities[character] ?? "")

export const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'

/** ` name="value"` for each attribute that has a value. */
export const attributes = (given: Readonly<Record<string, string | number | undefined>>): string =>
  Object.entries(given)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escape(String(value))}"`)
    .join("")
