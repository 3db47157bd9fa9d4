/** Token counts agree with the published tokenizers, and hostile texts are counted in linear time off the main thread. */
import { expect, test } from "bun:test"
import { Effect } from "effect"
import fc from "fast-check"
import { isUnbroken, segments } from "../../../layers/ledger/segments.ts"
import { Tokens } from "../../../layers/ledger/Tokens.ts"
import { it } from "../../support/effect.ts"

it.live("counts are exact for models whose tokenizer is public", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    const text = "お誕生日おめでとう" // as OpenAI publishes: 8 and 9
    expect(yield* count("gpt-4o-mini", text)).toEqual({ tokens: 8, exact: true })
    expect(yield* count("gpt-4-0613", text)).toEqual({ tokens: 9, exact: true })
    expect(yield* count("gpt-5", "")).toEqual({ tokens: 0, exact: true })
  }).pipe(Effect.provide(Tokens.layer))
)

it.live("counts of other models are marked as estimates", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    expect(yield* count("claude-sonnet-5", "hello world")).toEqual({ tokens: 2, exact: false })
    expect((yield* count("gpt-4o", "x".repeat(5 * 1024 * 1024))).exact).toBe(false)
  }).pipe(Effect.provide(Tokens.layer))
)

it.live("40,000 unbroken characters are counted, as an estimate", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    const counted = yield* count("gpt-4o", "好".repeat(40_000))
    expect(counted).toEqual({ tokens: 40_000, exact: false })
    expect((yield* count("gpt-4o", " ".repeat(40_000))).exact).toBe(false)
  }).pipe(Effect.provide(Tokens.layer))
)

it.live("calls at the same time get their own counts, and an interrupted one does not disturb them", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    const [one, , five] = yield* Effect.all(
      [
        count("gpt-4o", "hello"),
        Effect.timeoutOption(count("gpt-4o", "a b ".repeat(50_000)), 0),
        count("gpt-4o", "a b c d e")
      ],
      { concurrency: "unbounded" }
    )
    expect([one.tokens, five.tokens]).toEqual([1, 5])
  }).pipe(Effect.provide(Tokens.layer))
)

test("segments are the text, none has a long word, and surrogate pairs stay whole", () => {
  const text = fc
    .array(
      fc.oneof(
        fc.string({ unit: "grapheme" }),
        fc.constantFrom("好".repeat(700), "😀".repeat(300), " ".repeat(500), "\n")
      )
    )
    .map((parts) => parts.join(""))
  fc.assert(
    fc.property(text, (whole) => {
      const parts = [...segments(whole)]
      expect(parts.join("")).toBe(whole)
      for (const part of parts) {
        expect(isUnbroken(part)).toBe(false)
        expect(part.isWellFormed()).toBe(whole.isWellFormed() || part.isWellFormed())
      }
    })
  )
})
