import { describe, expect, it } from "bun:test"
import * as Prompt from "effect/ai/Prompt"
import { toPrompt } from "../../../layers/models/toPrompt.ts"

const question = { role: "user", content: "What is 2 + 3?" } as const
const answer = { role: "assistant", content: [{ type: "text", text: "5" }] } as const

describe("the prompt of a request", () => {
  it("is the same for messages that may change and for messages that do not", () => {
    const prompt = [question, answer]
    expect(toPrompt({ prompt, immutable: true })).toEqual(Prompt.make(prompt))
    expect(toPrompt({ prompt })).toEqual(Prompt.make(prompt))
    expect(toPrompt({ prompt: "hello", immutable: true })).toEqual(Prompt.make("hello"))
  })

  it("has messages that do not change only once", () => {
    const [first] = toPrompt({ prompt: [question], immutable: true }).content
    expect(first).toMatchObject({ role: "user", content: [{ type: "text", text: question.content }] })
    expect(toPrompt({ prompt: [question, answer], immutable: true }).content[0]).toBe(first)
  })

  it("decodes messages that may change again", () => {
    const message: Prompt.MessageEncoded & { content: string } = { role: "user", content: "one" }
    toPrompt({ prompt: [message] })
    message.content = "two"
    expect(toPrompt({ prompt: [message] })).toEqual(Prompt.make("two"))
  })
})
