/** Limited events: those within the limit pass unchanged, larger ones reach no parser, in whatever pieces they arrive. */
import { expect, test } from "bun:test"
import fc from "fast-check"
import { EventLimit } from "../../../layers/upstream/EventLimit.ts"
import { EventParser } from "../../../layers/upstream/EventParser.ts"

const maxBytes = 100
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Data of the events that a parser reads, and ids of the requests that got a message that is too large. */
const read = (pieces: ReadonlyArray<string>) => {
  const data: Array<string> = []
  const ids: Array<string | undefined> = []
  const parser = new EventParser({ data: (text) => data.push(text) })
  const limit = new EventLimit({ maxBytes, onTooLarge: ({ id }) => ids.push(id) })
  let passed = 0
  for (const piece of pieces) {
    const kept = limit.push(encoder.encode(piece))
    passed += kept.length
    parser.push(decoder.decode(kept))
  }
  limit.end()
  return { data, ids, lastId: parser.lastId, passed }
}

const large = JSON.stringify({ result: "x".repeat(1000), jsonrpc: "2.0", id: "m7" })
const large2 = JSON.stringify({ jsonrpc: "2.0", id: "m8", result: "y".repeat(1000) })
const unknown = JSON.stringify({ method: "notifications/message", params: "z".repeat(1000) })
const inLines = `data: {\ndata: "result": "${"x".repeat(80)}",\ndata: "id": "m9"\ndata: }`

const stream = (end: string) =>
  [
    ": comment",
    "id: 1\ndata: first",
    `id: 2\nevent: message\ndata: ${large}`,
    "data: second",
    `data:${large2}`,
    `data: ${unknown}`,
    inLines,
    `id: 3\ndata: ${"w".repeat(maxBytes - 12 - "id: 3\n".length)}`,
    "data: last"
  ]
    .map((event) => `${event}\n\n`)
    .join("")
    .replaceAll("\n", end)

const expected = {
  data: ["first", "second", "w".repeat(maxBytes - 12 - "id: 3\n".length), "last"],
  ids: ["m7", "m8", undefined, "m9"],
  lastId: "3"
}

test.each([
  ["LF", "\n"],
  ["CR LF", "\r\n"]
])("a stream with lines that end with %s, in pieces of any length", (_, end) => {
  const text = stream(end)
  expect(read([text])).toMatchObject(expected)
  fc.assert(
    fc.property(fc.array(fc.nat(text.length), { maxLength: 40 }), (cuts) => {
      const ends = [0, ...cuts.toSorted((a, b) => a - b), text.length]
      expect(read(ends.slice(1).map((each, index) => text.slice(ends[index], each)))).toMatchObject(expected)
    })
  )
  expect(read([...text])).toMatchObject(expected)
})

test("no more than the limit of an endless event is passed on", () => {
  const { data, ids, passed } = read(["data: ", ...Array.from({ length: 100 }, () => "data: more\n")])
  expect(data).toEqual([])
  expect(ids).toEqual([undefined])
  expect(passed).toBeLessThanOrEqual(maxBytes)
})
