/** The language and the direction of a text, by its script. */

/** Scripts that belong to one language, or to one that most decks in them are written in; BCP 47. */
const scripts: ReadonlyArray<readonly [RegExp, string]> = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, "ja-JP"],
  [/\p{Script=Hangul}/u, "ko-KR"],
  [/\p{Script=Han}/u, "zh-CN"],
  [/\p{Script=Arabic}/u, "ar-SA"],
  [/\p{Script=Hebrew}/u, "he-IL"],
  [/\p{Script=Cyrillic}/u, "ru-RU"],
  [/\p{Script=Greek}/u, "el-GR"],
  [/\p{Script=Thai}/u, "th-TH"],
  [/\p{Script=Devanagari}/u, "hi-IN"]
]

/** `language` for text in Latin letters, and for text in its own script. */
export const languageOf = (text: string, language: string): string => {
  if (!/[^\u0000-\u036f\u2000-\u22ff]/u.test(text)) return language
  const found = scripts.find(([pattern]) => pattern.test(text))
  if (found === undefined) return language
  const [pattern, usual] = found
  const own = scripts.find(([, other]) => other.slice(0, 2) === language.slice(0, 2))
  // Japanese is also written in Han characters alone.
  return own?.[0] === pattern || (usual === "zh-CN" && /^(?:ja|ko|zh)/.test(language)) ? language : usual
}

const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const strong = /\p{L}/u

/** Whether the first letter is of a script that runs from right to left (UAX 9, rule P2). */
export const startsRightToLeft = (text: string): boolean => {
  for (const character of text) {
    if (rightToLeft.test(character)) return true
    if (strong.test(character)) return false
  }
  return false
}
