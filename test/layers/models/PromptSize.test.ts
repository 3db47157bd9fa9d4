/** The upper bound of a prompt covers tools, schemas and files, and a tokenizer that is not the provider's. */
import { describe, expect, test } from "bun:test"
import { Effect, Schema } from "effect"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { TextRequest } from "../../../layers/models/Adapter.ts"
import { Tokens } from "../../../layers/ledger/Tokens.ts"
import { PromptSize } from "../../../layers/models/PromptSize.ts"
import { sizeOf } from "../../../layers/models/toolDefinitions.ts"
import { it } from "../../support/effect.ts"

const request = (more: Partial<TextRequest> = {}): TextRequest => ({
  model: "m",
  prompt: Prompt.make("hello"),
  tools: [],
  toolChoice: "auto",
  responseFormat: { type: "text" },
  temperature: undefined,
  maxTokens: undefined,
  topP: undefined,
  ...more
})
const plain = new PromptSize(request()).most

const filed = (mediaType: string, data: Uint8Array | URL, model = "m") => {
  const content = [{ type: "file" as const, mediaType, data }]
  return new PromptSize(request({ model, prompt: Prompt.make([{ role: "user", content }]) })).most
}

describe("the upper bound", () => {
  test("covers the definitions of tools and the response's schema", () => {
    // At most three digits are one token.
    const digits = "1234567890".repeat(1000)
    const parameters = Schema.Struct({
      city: Schema.String.annotate({ description: digits })
    })
    const tool = Tool.make("weather", { description: digits, parameters, success: Schema.String })
    expect(new PromptSize(request({ tools: [tool] })).most).toBeGreaterThan(plain + 6667)
    const format = { type: "json" as const, objectName: "weather", schema: parameters }
    expect(new PromptSize(request({ responseFormat: format })).most).toBeGreaterThan(plain + 3334)
  })

  test("covers images, each page of a PDF, and all bytes of a text file", () => {
    const page = "<< /Type /Page /Parent 1 0 R >>\n"
    const pdf = Buffer.from(`%PDF-1.7\n<< /Type /Pages /Count 12 >>\n${page.repeat(12)}`)
    expect(filed("application/pdf", pdf)).toBeGreaterThan(12 * 4000)
    expect(filed("application/pdf", pdf)).toBeLessThan(13 * 6000)
    expect(filed("application/pdf", Buffer.alloc(1024 * 1024))).toBeGreaterThan(100 * 4000)
    expect(filed("application/pdf", new URL("https://files.example/a.pdf"))).toBeGreaterThan(100 * 4000)
    expect(filed("image/png", new Uint8Array(8))).toBeGreaterThan(4784)
    expect(filed("image/png", new Uint8Array(8), "gpt-4o-mini")).toBeGreaterThan(48_000)
    expect(filed("text/plain", new Uint8Array(9000))).toBeGreaterThan(9000)
  })

  test("is the bytes of a short prompt, an estimate of a medium one, and counted for a long one", () => {
    const sized = (length: number) =>
      new PromptSize(request({ prompt: Prompt.make("word ".repeat(length / 5)) }))
    const [none, short, medium, long] = [sized(0), sized(2000), sized(10_000), sized(20_000)]
    expect(short.most - none.most).toBe(2000)
    expect(medium.most - none.most).toBe(6000)
    expect([short, medium, long].map(({ isLong }) => isLong)).toEqual([false, false, true])
  })

  for (const [exact, tokens] of [
    [true, 1100],
    [false, 2000]
  ] as const) {
    it.effect(`has a margin for a count that is ${exact ? "exact" : "not exact"}`, () =>
      Effect.gen(function* () {
        const prompt = Prompt.make("x".repeat(20_000))
        const size = new PromptSize(request({ prompt }))
        const count = () => Effect.succeed({ tokens: 1000, exact })
        expect(yield* size.counted({ count })).toBe(size.most - 20_000 + tokens)
      })
    )
  }
})

/** Random characters from ranges of code points, with a separator after each group. */
const random = (
  ranges: ReadonlyArray<readonly [first: number, last: number]>,
  group = 8000,
  separator = ""
) => {
  let state = 7
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return Math.floor((state / 2 ** 31) * below)
  }
  return Array.from({ length: 4000 }, (_, index) => {
    const [first, last] = ranges[next(ranges.length)] ?? [0, 0]
    const character = String.fromCodePoint(first + next(last - first + 1))
    return index % group === group - 1 ? character + separator : character
  }).join("")
}

it.live("the bound of a medium text is not below the counts of tokenizers, even for random characters", () =>
  Effect.gen(function* () {
    const { count } = yield* Tokens
    const lower = [[97, 122]] as const
    const texts: Readonly<Record<string, string>> = {
      "lower case": random(lower),
      "rare letters": random([
        [106, 107],
        [113, 113],
        [118, 120],
        [122, 122]
      ]),
      "words of two letters": random(lower, 2, " "),
      "upper case": random([[65, 90]]),
      "letters and digits": random([...lower, [48, 57], [65, 90]]),
      "digits and spaces": random([[48, 57]], 1, " "),
      symbols: random([
        [33, 47],
        [58, 64],
        [91, 96]
      ]),
      "control characters": random([
        [0, 8],
        [14, 31]
      ]),
      "accented letters": random([[0x100, 0x24f]]),
      Greek: random([[0x370, 0x3ff]]),
      Arabic: random([[0x600, 0x6ff]]),
      Thai: random([[0xe01, 0xe5b]]),
      Ethiopic: random([[0x1200, 0x137f]]),
      "rare Chinese": random([[0x3400, 0x4dbf]]),
      Chinese: random([[0x4e00, 0x9fff]]),
      Korean: random([[0xac00, 0xd7a3]]),
      emoji: random([[0x1f300, 0x1f9ff]])
    }
    for (const [name, text] of Object.entries(texts)) {
      const counts = [yield* count("gpt-4o", text), yield* count("gpt-4-0613", text)]
      const most = Math.max(...counts.map(({ tokens }) => tokens))
      expect({ name, low: sizeOf(text).most < most }).toEqual({ name, low: false })
    }
  }).pipe(Effect.provide(Tokens.layer))
)
