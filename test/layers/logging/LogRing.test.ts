/** The log ring: the newest lines within its bounds. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import type { Batch } from "../../../layers/logging/LogBatch.ts"
import { Ring } from "../../../layers/logging/LogRing.ts"

const line = (message: string) => JSON.stringify({ timestamp: "", level: "info", message })
const texts = (ring: Ring) => ring.query({}).map(({ message }) => message)

test("the ring keeps the newest lines, oldest first", () => {
  const ring = new Ring({ lines: 3, bytes: 10_000 })
  for (const text of ["a", "b", "c", "d", "e"]) ring.add(0, "info", line(text))
  expect(texts(ring)).toEqual(["c", "d", "e"])
})

test("a large line evicts others, and a line larger than the ring is not kept", () => {
  const ring = new Ring({ lines: 10, bytes: 200 })
  for (const text of ["a", "b"]) ring.add(0, "info", line(text))
  ring.add(0, "info", line("x".repeat(120)))
  expect(texts(ring)).toEqual(["x".repeat(120)])
  ring.add(0, "info", line("y".repeat(500)))
  expect(texts(ring)).toEqual([])
  ring.add(0, "info", line("z"))
  expect(texts(ring)).toEqual(["z"])
})

test("a query filters by level, time and text and returns the newest lines", () => {
  const ring = new Ring({ lines: 10, bytes: 10_000 })
  ring.add(1, "debug", line("One"))
  ring.add(2, "error", line("two"))
  ring.add(3, "warn", line("three one"))
  const found = (query: Parameters<Ring["query"]>[0]) => ring.query(query).map(({ message }) => message)
  expect(found({ level: "warn" })).toEqual(["two", "three one"])
  expect(found({ since: 2 })).toEqual(["two", "three one"])
  expect(found({ search: "one" })).toEqual(["One", "three one"])
  expect(found({ search: "one", lines: 1 })).toEqual(["three one"])
  expect(found({ lines: 0 })).toEqual([])
  // A pattern is matched as plain text.
  expect(found({ search: "(a+)+$" })).toEqual([])
})

test("the ring has the lines of a list truncated at its front", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 40, max: 400 }),
      fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 60 }),
      (lines, bytes, sizes) => {
        const ring = new Ring({ lines, bytes })
        let model: Array<string> = []
        for (const size of sizes) {
          const text = "x".repeat(size)
          ring.add(0, "info", line(text))
          model.push(text)
          while (model.length > lines || model.reduce((sum, each) => sum + line(each).length, 0) > bytes) {
            model = model.slice(1)
          }
        }
        expect(texts(ring)).toEqual(model)
      }
    )
  )
})

/** The text that the ring passes to listeners, with the number of lines. */
const listen = (ring: Ring) => {
  const heard = { text: "", lines: 0 }
  ring.listeners.add(({ bytes, end, lines, start }: Batch) => {
    heard.text += new TextDecoder().decode(bytes.subarray(start, end))
    heard.lines += lines
  })
  return heard
}

test("a query returns the newest lines after many wraps", () => {
  const ring = new Ring({ lines: 1000, bytes: 1_000_000 })
  const messages = Array.from({ length: 20_000 }, (_, index) => `${index} ${"é€😀".repeat(index % 30)}`)
  for (const message of messages) ring.add(0, "info", line(message))
  expect(texts(ring)).toEqual(messages.slice(-1000))
  expect(ring.query({ search: "19999 " })).toHaveLength(1)
  expect(ring.query({ search: "18999 " })).toEqual([])
})

test("the size is counted in bytes of UTF-8", () => {
  const size = Buffer.byteLength(line("€".repeat(10)))
  const ring = new Ring({ lines: 10, bytes: 2 * size })
  for (let index = 0; index < 5; index++) ring.add(0, "info", line("€".repeat(10)))
  expect(texts(ring)).toHaveLength(2)
})

test("listeners get every line in order, including lines larger than a buffer", () => {
  const ring = new Ring({ lines: 1, bytes: 1024 })
  const heard = listen(ring)
  const lines = Array.from({ length: 3000 }, (_, index) =>
    line(index % 500 === 7 ? "€".repeat(100_000) : `${index}`)
  )
  for (const each of lines) ring.add(0, "info", each)
  ring.flush()
  ring.flush()
  expect(heard.lines).toBe(lines.length)
  expect(heard.text).toBe(`${lines.join("\n")}\n`)
})

test("a smaller size takes effect at once", () => {
  const ring = new Ring({ lines: 10, bytes: 10_000 })
  for (const text of ["a", "b", "c"]) ring.add(0, "info", line(text))
  ring.resize({ lines: 2, bytes: 10_000 })
  expect(texts(ring)).toEqual(["b", "c"])
})
