/** Estimated tokens are not below those of published tokenizers, for all kinds of text. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import { estimateTokens } from "../../../layers/ledger/estimateTokens.ts"
import { Tokens } from "../../../layers/ledger/Tokens.ts"
import { it } from "../../support/effect.ts"

const bytes = Buffer.from(
  Array.from({ length: 2000 }, (_, index) => (index * index * 7919 + index * 104_729) % 251)
)

const texts: Readonly<Record<string, string>> = {
  prose: "A pool of seawater that the tide leaves behind, where limpets and anemones live. ".repeat(20),
  capitals: "THE QUICK BROWN FOX JUMPS OVER THE LAZY DOG. ".repeat(20),
  code: "const sum = (a: number, b: number): number => {\n  return a + b // exact\n}\n".repeat(20),
  json: JSON.stringify({ id: 17, items: [{ name: "x_y", ok: true, at: "2026-11-26T12:00:00Z" }] }).repeat(20),
  table: "| a | b |\n|---|---|\n| 1 | 2 |\n".repeat(20),
  digits: Array.from(bytes).join(""),
  numbers: Array.from(bytes, (byte) => byte / 7).join(","),
  list: Array.from(bytes).join(", "),
  columns: Array.from(bytes, (byte) => byte % 10).join(" "),
  hex: bytes.toString("hex"),
  base64: bytes.toString("base64"),
  symbols: "!@#$%^&*()_+{}|:<>?-=[]\\;',./".repeat(20),
  indents: "\t\tx\n    y\n\n".repeat(50),
  Chinese: "今天天气很好，我们去公园散步吧。".repeat(20),
  Japanese: "今日はとても良い天気ですので、公園へ散歩に行きましょう。".repeat(20),
  Korean: "오늘은 날씨가 아주 좋으니 공원에 산책하러 갑시다.".repeat(20),
  Russian: "Сегодня очень хорошая погода, пойдём гулять в парк. ".repeat(20),
  Hindi: "आज मौसम बहुत अच्छा है, चलो पार्क में घूमने चलते हैं। ".repeat(20),
  Arabic: "الطقس جميل جدا اليوم، لنذهب في نزهة إلى الحديقة. ".repeat(20),
  Thai: "วันนี้อากาศดีมาก ไปเดินเล่นที่สวนสาธารณะกันเถอะ ".repeat(20),
  emoji: "🦊👩‍👩‍👧‍👦🎉🔥💯🏳️‍🌈".repeat(20)
}

it.live("estimates are not below the counts of tokenizers, and at most five times as many", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    for (const [name, text] of Object.entries(texts)) {
      const [newer, older] = [yield* count("gpt-4o", text), yield* count("gpt-4-0613", text)]
      const most = Math.max(newer.tokens, older.tokens)
      expect({ name, low: estimateTokens(text) < most }).toEqual({ name, low: false })
      expect({ name, high: estimateTokens(text) > 5 * most }).toEqual({ name, high: false })
    }
  }).pipe(Effect.provide(Tokens.layer))
)

test("an empty text has no tokens, and a space is part of its word", () => {
  expect(["", "a", " a", "\n", "é", "\u0000"].map(estimateTokens)).toEqual([0, 1, 1, 1, 2, 1])
})
