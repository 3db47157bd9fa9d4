import { expect, test } from "bun:test"
import fc from "fast-check"
import { EventParser } from "../../../layers/upstream/EventParser.ts"

const parsed = (...pieces: ReadonlyArray<string>) => {
  const heard: Array<string> = []
  const parser = new EventParser({ data: (text) => heard.push(text) })
  for (const piece of pieces) parser.push(piece)
  return { heard, lastId: parser.lastId, retry: parser.retry }
}

const stream =
  ": comment\r\nid: 1\r\nretry: 50\r\ndata\r\n\r\nevent: message\rdata: a\rdata:b\rid: 2\r\revent: other\ndata: no\n\ndata:  c\n\ndata: unfinished"

test("data of several lines is joined, and events without data or of other types are skipped", () => {
  expect(parsed(stream)).toEqual({ heard: ["a\nb", " c"], lastId: "2", retry: 50 })
})

test("the division into pieces does not matter", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 12 }), (cuts) => {
      const ends = [0, ...cuts.toSorted((a, b) => a - b), stream.length]
      const pieces = ends.slice(1).map((end, index) => stream.slice(ends[index], end))
      expect(parsed(...pieces)).toEqual(parsed(stream))
    })
  )
})
