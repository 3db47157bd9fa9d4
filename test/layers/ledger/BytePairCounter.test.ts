/** Token counts are those of the reference implementation, for texts in all scripts. */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { get_encoding } from "tiktoken"
import cl100k from "tiktoken/encoders/cl100k_base.json"
import o200k from "tiktoken/encoders/o200k_base.json"
import { BytePairCounter } from "../../../layers/ledger/BytePairCounter.ts"

const pieces = ["a", "The", "S", "'s", "'S", "'ſ", "'LL", " ", "  ", "\n", "\r\n", "\t", "1", "12", "½", "."]
  .concat([
    "/",
    "//",
    "é",
    "É",
    "ǅ",
    "日本",
    "한",
    "😀",
    "👍🏽",
    "\u0301",
    "\u0085",
    "\ufeff",
    "\u00a0",
    "\u2028"
  ])
  .concat(["\ud800", "ß", "ʰ", "क़", "import", "{", "=>", "_", "<|endoftext|>"])

// Of characters that are new in Unicode the reference does not know yet that they are letters.
const text = fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string({ unit: "grapheme" })), {
  maxLength: 40
})

describe.each([
  ["o200k_base", o200k],
  ["cl100k_base", cl100k]
] as const)("%s", (name, data) => {
  const counter = new BytePairCounter(data)
  const reference = get_encoding(name)
  const tokensOf = (whole: string) => reference.encode_ordinary(whole).length

  test("counts mixtures of words, spaces and symbols", () => {
    fc.assert(
      fc.property(text, (parts) => {
        const whole = parts.join("")
        expect(counter.count(whole)).toBe(tokensOf(whole))
      }),
      { numRuns: 3000 }
    )
  })

  test("counts every character", () => {
    const block = 256
    const counts: Array<number> = []
    const expected: Array<number> = []
    // Beyond them no character is assigned.
    for (let first = 0; first < 0x3_4000; first += block) {
      let whole = ""
      for (let code = first; code < first + block; code++) {
        if (code < 0xd800 || code > 0xdfff) whole += `a${String.fromCodePoint(code)}B `
      }
      counts.push(counter.count(whole))
      expected.push(tokensOf(whole))
    }
    expect(counts).toEqual(expected)
  })

  test("counts words of a hundred characters, also without a token of them", () => {
    for (const word of ["x", "好", "😀", "\u0000", "zq", "=-"]) {
      expect(counter.count(word.repeat(100))).toBe(tokensOf(word.repeat(100)))
    }
  })
})

test("ranks in another form are refused", () => {
  for (const bpe_ranks of ["", "! 1 IQ==", "! 0 IQ==\n! 1 Ig=="]) {
    expect(() => new BytePairCounter({ ...o200k, bpe_ranks })).toThrow("unknown form")
  }
})
