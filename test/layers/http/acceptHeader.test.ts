/** Accept headers and the media types that they accept (RFC 9110, section 12.5.1). */
import { describe, expect, test } from "bun:test"
import fc from "fast-check"
import { accepts } from "../../../layers/http/acceptHeader.ts"

const stream = "text/event-stream"

describe("the Accept header accepts the media type:", () => {
  for (const header of [
    null,
    "",
    "  ",
    "*/*",
    "text/*",
    "text/event-stream",
    "TEXT/Event-Stream",
    "application/json, text/event-stream",
    "application/json,text/event-stream;charset=utf-8",
    "text/html, */*;q=0.1",
    "text/event-stream;q=0.001",
    "text/*;q=0, text/event-stream",
    "text/event-stream ; q=1.000"
  ]) {
    test(String(header), () => expect(accepts(header, stream)).toBe(true))
  }
})

describe("the Accept header does not accept the media type:", () => {
  for (const header of [
    "application/json",
    "text/event-streams",
    "text/event",
    "text/html, application/*",
    "text/event-stream;q=0",
    "text/event-stream; q=0.000, */*",
    "text/*;q=0, */*",
    "*/*;q=0",
    ",,;"
  ]) {
    test(header, () => expect(accepts(header, stream)).toBe(false))
  }
})

test("any Accept header is parsed in bounded time", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 5000 }), (header) => {
      expect(typeof accepts(header, stream)).toBe("boolean")
    })
  )
})
