/** The language and the direction of a text, by its script. */

/** Scripts that belong to one language, or to one that most decks in them are written in; BCP 47. */
const scripts: ReadonlyArray<readonly [RegExp, string]> = [
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/u, "ja-JP"],
  [/\p{Script=Hangul}/u, "ko-KR"],
  [/\p{Script=Arabic}/u, "ar-SA"],
  [/\p{Script=Hebrew}/u, "he-IL"],
  [/\p{Script=Cyrillic}/u, "ru-RU"],
  [/\p{Script=Greek}/u, "el-GR"],
  [/\p{Script=Thai}/u, "th-TH"],
  [/\p{Script=Devanagari}/u, "hi-IN"]
]
const scriptLanguage = (text: string) => scripts.find(([pattern]) => pattern.test(text))?.[1]

/** The languages of a deck, by kinds of letters; absent where they are not known. */
export interface Languages {
  readonly latin?: string
  readonly han: string
}

/** Japanese and Korean texts have Han characters as well. */
export const languagesOf = (text: string, latin: string | undefined): Languages => {
  const found = scriptLanguage(text) ?? ""
  return { ...(latin !== undefined && { latin }), han: /^(?:ja|ko)/.test(found) ? found : "zh-CN" }
}

/** By the script that most letters of a text have; absent where it is not known. */
export const languageOf = (text: string, { han, latin }: Languages): string | undefined => {
  const others = text.match(/[^\p{Script=Latin}\P{L}]/gu) ?? []
  if (others.length === 0 || others.length * 2 < (text.match(/\p{L}/gu)?.length ?? 0)) return latin
  return scriptLanguage(text) ?? (/\p{Script=Han}/u.test(text) ? han : undefined)
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
