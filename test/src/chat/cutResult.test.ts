/** Results of tools, cut to the size that a conversation may keep. */
import { expect, test } from "bun:test"
import { cutResult } from "../../../src/chat/cutResult.ts"

test("a structured result without content is kept, and cut as text if it is too long", () => {
  expect(cutResult({ content: [], structured: { a: 1 } }, 100, 0)).toMatchObject({ structured: { a: 1 } })
  const { content, isCut } = cutResult({ content: [], structured: { a: "b".repeat(500) } }, 100, 0)
  expect([isCut, content]).toEqual([
    true,
    [
      { type: "text", text: expect.stringContaining('{"a":"bbb') },
      { type: "text", text: expect.stringContaining("Cut: the result has") }
    ]
  ])
})

test("images have their own limit, and stay whole or not at all", () => {
  const image = (data: string) => ({ type: "image", mimeType: "image/png", data }) as const
  const text = { type: "text", text: "x".repeat(200) } as const
  const { content, isCut } = cutResult({ content: [text, image("AAAA"), image("B".repeat(50))] }, 100, 20)
  expect(isCut).toBe(true)
  expect(content.map(({ type }) => type)).toEqual(["text", "image", "text"])
  expect(content[1]).toEqual(image("AAAA"))
  expect(cutResult({ content: [image("AAAA")] }, 10, 20)).toEqual({ content: [image("AAAA")], isCut: false })
  const long = cutResult({ content: [image("B".repeat(50))] }, 100, 20)
  expect(long.content).toEqual([{ type: "text", text: "[Cut: an image (image/png) of 50 bytes.]" }])
})
