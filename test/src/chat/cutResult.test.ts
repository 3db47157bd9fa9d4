/** Results of tools, cut to the size that a conversation may keep. */
import { expect, test } from "bun:test"
import { cutResult } from "../../../src/chat/cutResult.ts"

test("a structured result without content is kept, and cut as text if it is too long", () => {
  expect(cutResult({ content: [], structured: { a: 1 } }, 100)).toMatchObject({ structured: { a: 1 } })
  const { content, isCut } = cutResult({ content: [], structured: { a: "b".repeat(500) } }, 100)
  expect([isCut, content]).toEqual([
    true,
    [
      { type: "text", text: expect.stringContaining('{"a":"bbb') },
      { type: "text", text: expect.stringContaining("Cut: the result has") }
    ]
  ])
})
