/** Trace contexts by the W3C specification; malformed ones count as absent. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { parse } from "../../../src/domain/Trace.ts"

const trace = "0af7651916cd43dd8448eb211c80319c"
const span = "b7ad6b7169203331"

test("the example of the specification is parsed", () => {
  expect(parse(`00-${trace}-${span}-01`)).toEqual({ traceId: trace, parentId: span, sampled: true })
  expect(parse(`00-${trace}-${span}-00`)?.sampled).toBe(false)
})

test("unknown flags do not hide the sampled flag", () => {
  expect(parse(`00-${trace}-${span}-03`)?.sampled).toBe(true)
  expect(parse(`00-${trace}-${span}-fe`)?.sampled).toBe(false)
})

test("later versions may have further fields and version 00 may not", () => {
  expect(parse(`01-${trace}-${span}-01-more`)?.traceId).toBe(trace)
  expect(parse(`00-${trace}-${span}-01-more`)).toBeUndefined()
  expect(parse(`00-${trace}-${span}-01-`)).toBeUndefined()
})

test.each([
  ["version ff", `ff-${trace}-${span}-01`],
  ["a trace of zeros", `00-${"0".repeat(32)}-${span}-01`],
  ["a span of zeros", `00-${trace}-${"0".repeat(16)}-01`],
  ["upper case", `00-${trace.toUpperCase()}-${span}-01`],
  ["a short trace", `00-${trace.slice(1)}-${span}-01`],
  ["space around it", ` 00-${trace}-${span}-01 `],
  ["a line after it", `00-${trace}-${span}-01\n`],
  ["two of them", `00-${trace}-${span}-01,00-${trace}-${span}-01`],
  ["what is too long", `01-${trace}-${span}-01-${"x".repeat(600)}`],
  ["no text", 7],
  ["nothing", undefined],
  ["null", null]
])("%s is no trace", (_, text) => {
  expect(parse(text)).toBeUndefined()
})

test("every parsed trace is well formed for any input", () => {
  const hex = (length: number) =>
    fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
  const near = fc
    .tuple(fc.constantFrom("00", "01", "ff"), hex(32), hex(16), hex(2), fc.constantFrom("", "-x"))
    .map(([version, traceId, parentId, flags, rest]) => `${version}-${traceId}-${parentId}-${flags}${rest}`)
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), (text) => {
      const found = parse(text)
      if (found === undefined) return
      expect(found.traceId).toMatch(/^[0-9a-f]{32}$/)
      expect(found.parentId).toMatch(/^[0-9a-f]{16}$/)
      expect(text).toContain(`${found.traceId}-${found.parentId}`)
    })
  )
})
