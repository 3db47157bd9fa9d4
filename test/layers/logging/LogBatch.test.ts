/** Batches in a shared buffer: the appended text is intact, for any size and characters. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import * as Batch from "../../../layers/logging/LogBatch.ts"

const textOf = ({ bytes, end, start }: Batch.Batch) => new TextDecoder().decode(bytes.subarray(start, end))

test("a character of several bytes is never split at the end of a buffer", () => {
  const texts = fc.array(fc.array(fc.constantFrom("a", "é", "€", "😀")).map((parts) => parts.join("")))
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), texts, (size, appended) => {
      const buffer = new Batch.BatchBuffer(size)
      const batches = appended.map((text) => buffer.append(text, 1))
      expect(batches.map(textOf)).toEqual(appended)
    })
  )
})

test("text larger than the buffer is intact and leaves earlier batches unchanged", () => {
  const buffer = new Batch.BatchBuffer(16)
  const texts = ["a", "€".repeat(100), "b", "c"]
  const batches = texts.map((text) => buffer.append(text, 1))
  expect(batches.map(textOf)).toEqual(texts)
})

test("batches are appended to the same buffer while there is room", () => {
  const buffer = new Batch.BatchBuffer(1024)
  const first = buffer.append("a\n", 1)
  const second = buffer.append("b\nc\n", 2)
  expect(second.bytes).toBe(first.bytes)
  expect(second.start).toBe(first.end)
  expect(second.lines).toBe(2)
})

test("a freed buffer is reused, but not while text is appended to it", () => {
  const buffer = new Batch.BatchBuffer(15)
  const first = buffer.append("aaa", 1)
  buffer.free(first.bytes)
  const second = buffer.append("bbbbb", 1)
  expect(second.bytes).not.toBe(first.bytes)
  buffer.free(first.bytes)
  expect(buffer.append("ccccc", 1).bytes).toBe(first.bytes)
  expect(textOf(second)).toBe("bbbbb")
})
