/** LineReader with chunks of any size: the same lines for every split of the bytes. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { LineReader } from "../../../layers/transports/LineReader.ts"

/** The expected lines: line ends removed, blank lines and byte order marks dropped. */
const isLine = (text: string) => !/[\r\n\ufeff]/.test(text) && text.trim() !== ""

const collect = (most: number) => {
  const lines: Array<string> = []
  let tooLong = 0
  const reader = new LineReader(
    most,
    (line) => lines.push(new TextDecoder().decode(line)),
    () => tooLong++
  )
  return { reader, lines, tooLong: () => tooLong }
}

test("lines are complete, however the bytes are split", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: "grapheme", minLength: 1 }).filter(isLine)),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }),
      (texts, cuts) => {
        const all = new TextEncoder().encode(texts.map((text) => `${text}\n`).join(""))
        const { lines, reader } = collect(10_000)
        for (let at = 0, turn = 0; at < all.length; turn++) {
          const size = cuts[turn % cuts.length] ?? 1
          reader.push(all.subarray(at, at + size))
          at += size
        }
        expect(lines).toEqual(texts)
      }
    )
  )
})

test("the start and the end of a skipped line are known at its end, however it is split", () => {
  const text = `start${"x".repeat(1000)}end`
  for (const size of [1, 7, 130, 2000]) {
    const skipped: Array<[string, string]> = []
    const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
    const reader = new LineReader(
      200,
      () => {},
      () => {},
      (start, end) => skipped.push([decode(start), decode(end)])
    )
    const all = new TextEncoder().encode(`${text}\nnext\n`)
    for (let at = 0; at < all.length; at += size) reader.push(all.subarray(at, at + size))
    expect(skipped).toEqual([[text.slice(0, 128), text.slice(-128)]])
  }
})

test("lines over the limit are reported once and skipped, and the next one is read", () => {
  const { lines, reader, tooLong } = collect(5)
  reader.push(new TextEncoder().encode("123456789\n12"))
  reader.push(new TextEncoder().encode("345\n\r\n\n6\n"))
  expect(lines).toEqual(["12345", "6"])
  expect(tooLong()).toBe(1)
})
