/** Splits text for the tokenizer, whose time is quadratic in the length of a word or of a run of spaces. */

/** Characters; words and runs of spaces longer than this are counted in parts. */
const longest = 200
const run = new RegExp(`\\S{${longest + 1},}|\\s{${longest + 1},}`)

export const isUnbroken = (text: string): boolean => run.test(text)

/** A surrogate pair is not cut. */
const endOf = (text: string, end: number) => {
  const code = text.charCodeAt(end - 1)
  return code >= 0xd800 && code <= 0xdbff ? end - 1 : end
}

/** Segments whose concatenation is the text. Only words and runs of spaces longer than 200 characters are cut. */
export function* segments(text: string): Generator<string> {
  let begin = 0
  for (const { 0: found, index } of text.matchAll(new RegExp(run, "g"))) {
    let at = index
    for (const end = index + found.length; end - at > longest;) {
      const cut = endOf(text, at + longest)
      yield text.slice(begin, cut)
      begin = at = cut
    }
  }
  if (begin < text.length) yield text.slice(begin)
}
