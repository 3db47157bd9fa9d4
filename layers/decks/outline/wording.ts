/** The few words that decks have of their own, in the language of what they are made from. */

export interface Wording {
  /** How numbers are written. */
  readonly locale: "en-US" | "de-DE"
  readonly thanks: string
  readonly agenda: string
  /** `a, b and c`, as a headline. */
  readonly join: (names: ReadonlyArray<string>) => string
  readonly glance: (name: string) => string
  readonly inNumbers: (name: string) => string
  readonly highest: string
  readonly lowest: string
  readonly average: string
  /** Of numbers over time; `name` may be empty. */
  readonly moved: (name: string, up: boolean, by: string, from: string, to: string) => string
  /** `from 3% to 5%`, and `58% to 19`. */
  readonly difference: (first: string, end: string) => string
  readonly ratio: (percent: string, end: string) => string
  readonly change: (name: string, up: boolean, percent: string) => string
  readonly held: (name: string, value: string, from: string, to: string) => string
  readonly part: (name: string, label: string, value: string) => string
  readonly leads: (name: string, label: string, value: string) => string
  readonly over: (name: string, label: string, count: number, time: boolean) => string
  readonly against: (name: string, other: string, percent: string, ahead: boolean) => string
}

const lower = (text: string) => text.replace(/^\p{Lu}(?=\p{Ll})/u, (letter) => letter.toLowerCase())
const list = (names: ReadonlyArray<string>, and: string) =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} ${and} ${names.at(-1)}`
/** A name that reads on only after a colon: `Share by source`. */
const named = (name: string) => / (?:by|per|nach|pro|je) |^(?:share|split|mix|anteil) /i.test(name)
const before = (name: string) => (name === "" ? "" : `${name}: `)

export const english: Wording = {
  locale: "en-US",
  thanks: "Thank you",
  agenda: "Agenda",
  join: ([first = "", ...others]) => list([first, ...others.map(lower)], "and"),
  glance: (name) => `${name} at a glance`,
  inNumbers: (name) => `${name} in numbers`,
  highest: "Highest",
  lowest: "Lowest",
  average: "Average",
  moved: (name, up, by, from, to) =>
    name === ""
      ? `${up ? "Up" : "Down"} ${by} between ${from} and ${to}`
      : `${/ by /i.test(name) ? `${name}: ${up ? "up" : "down"}` : `${name} ${up ? "rose" : "fell"}`} ${by} between ${from} and ${to}`,
  difference: (first, end) => `from ${first} to ${end}`,
  ratio: (percent, end) => `${percent} to ${end}`,
  change: (name, up, percent) => `${name} ${up ? "up" : "down"} ${percent}`,
  held: (name, value, from, to) =>
    `${name === "" ? "Steady" : `${name} held`} at ${value} from ${from} to ${to}`,
  part: (name, label, value) =>
    name === ""
      ? `${label} makes up ${value}`
      : named(name)
        ? `${name}: ${label} makes up ${value}`
        : `${label} makes up ${value} of ${lower(name)}`,
  leads: (name, label, value) => `${before(name)}${label} leads with ${value}`,
  over: (name, label, count, time) =>
    `${before(name)}${label} leads${count > 1 ? ` over ${count} ${time ? "periods" : "groups"}` : ""}`,
  against: (name, other, percent, ahead) => `${name} is ${percent} ${ahead ? "ahead of" : "behind"} ${other}`
}

export const german: Wording = {
  locale: "de-DE",
  thanks: "Vielen Dank",
  agenda: "Agenda",
  join: (names) => list(names, "und"),
  glance: (name) => `${name} auf einen Blick`,
  inNumbers: (name) => `${name} in Zahlen`,
  highest: "Höchster Wert",
  lowest: "Niedrigster Wert",
  average: "Durchschnitt",
  moved: (name, up, by, from, to) => `${before(name)}${up ? "plus" : "minus"} ${by}, ${from} bis ${to}`,
  difference: (first, end) => `${first} auf ${end}`,
  ratio: (percent, end) => `${percent} auf ${end}`,
  change: (name, up, percent) => `${name} ${up ? "plus" : "minus"} ${percent}`,
  held: (name, value, from, to) => `${before(name)}unverändert ${value}, ${from} bis ${to}`,
  part: (name, label, value) => `${before(name)}${label} macht ${value} aus`,
  leads: (name, label, value) => `${before(name)}${label} führt mit ${value}`,
  over: (name, label, count, time) =>
    `${before(name)}${label} führt${count > 1 ? ` über ${count} ${time ? "Zeiträume" : "Gruppen"}` : ""}`,
  against: (name, other, percent, ahead) => `${name} liegt ${percent} ${ahead ? "über" : "unter"} ${other}`
}

const common = {
  en: /\b(?:the|and|of|to|in|for|with|is|are|we|by|on|from)\b/giu,
  de: /(?<!\p{L})(?:der|die|das|und|ist|sind|nicht|für|mit|von|zu|im|den|dem|wir|auf|ein|eine|sich)(?!\p{L})/giu
}

/** By the words that every text of a language has; what is neither is English. */
export const wordingOf = (text: string): Wording => {
  const some = text.slice(0, 20_000)
  const count = (words: RegExp) => some.match(words)?.length ?? 0
  return count(common.de) > count(common.en) ? german : english
}
