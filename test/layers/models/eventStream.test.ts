/** The decoder of server-sent events, and the end of a stream of Chat Completions. */
import { describe, expect, it, test } from "bun:test"
import fc from "fast-check"
import { readEvents } from "../../../layers/models/eventRequest.ts"
import { EventDecoder, eventBatches } from "../../../layers/models/eventStream.ts"

const decodeAll = (pieces: ReadonlyArray<string>) => {
  const decoder = new EventDecoder()
  return pieces.flatMap((piece) => [...decoder.push(piece)])
}

describe("a stream of events", () => {
  const text = [
    ": a comment\n\n",
    "data: one\n\n",
    "event: error\r\ndata:two\r\ndata:  lines\r\n\r\n",
    "id: 7\rdata: three\r\r",
    "data\n\n",
    'data: {"é":"🦊 a:b"}\n\n',
    "data: never completed\n"
  ].join("")
  const expected = [
    { event: "", data: "one" },
    { event: "error", data: "two\n lines" },
    { event: "", data: "three" },
    { event: "", data: "" },
    { event: "", data: '{"é":"🦊 a:b"}' }
  ]

  it("has comments, all three line ends, events of several lines, and an incomplete last one, which is dropped", () => {
    expect(decodeAll([text])).toEqual(expected)
  })

  it("is the same wherever it is cut", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(text.length), { maxLength: 20 }), (cuts) => {
        const at = [0, ...cuts.toSorted((a, b) => a - b), text.length]
        const pieces = at.slice(1).map((end, index) => text.slice(at[index], end))
        expect(decodeAll(pieces)).toEqual(expected)
      })
    )
  })

  it("takes linear time for a line that arrives in many pieces", () => {
    const piece = "x".repeat(1024)
    const pieces = Array.from({ length: 32 * 1024 }, () => piece)
    const [event] = decodeAll(["data: ", ...pieces, "\n\n"])
    expect(event?.data).toHaveLength(32 * 1024 * 1024)
  })
})

const encoder = new TextEncoder()

const collect = async (body: ReadableStream<Uint8Array>) => {
  const batches: Array<ReadonlyArray<string>> = []
  for await (const batch of eventBatches(body)) batches.push(batch.map(({ data }) => data))
  return batches
}

describe("a body", () => {
  test("gives all events of one read together, and characters that are cut between two reads whole", async () => {
    const bytes = encoder.encode("data: 1\n\ndata: 2\n\ndata: 🦊\n\n")
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(bytes.slice(0, 26))
        controller.enqueue(bytes.slice(26))
        controller.close()
      }
    })
    expect(await collect(body)).toEqual([["1", "2"], ["🦊"]])
  })

  test("ends at [DONE] although the server leaves it open, and is read further for the connection's next request", async () => {
    const { promise: readOn, resolve } = Promise.withResolvers<void>()
    let pulls = 0
    const body = new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          if (pulls++ === 0)
            return controller.enqueue(encoder.encode("data: 1\n\ndata: [DONE]\n\ndata: 2\n\n"))
          resolve()
          return new Promise(() => {})
        }
      },
      { highWaterMark: 0 }
    )
    expect(await collect(body)).toEqual([["1"]])
    await readOn
  })

  const batchesOf = (...pieces: ReadonlyArray<string>) => collect(bodyOf(pieces))
  const bodyOf = (pieces: ReadonlyArray<string>) => {
    const left = [...pieces]
    return new ReadableStream<Uint8Array>(
      {
        pull: (controller) => {
          const piece = left.shift()
          if (piece === undefined) controller.close()
          else controller.enqueue(encoder.encode(piece))
        }
      },
      { highWaterMark: 0 }
    )
  }

  test("is alive with each heartbeat, so that idle_timeout does not end it", async () => {
    let alive = 0
    const sink = { alive: () => void alive++, emit: () => {}, flush: () => undefined, usage: () => {} }
    const body = bodyOf([": ping\n\n", "event: ping\ndata: {}\n\n", ":\n", "data: 1\n\n"])
    const seen: Array<string> = []
    await readEvents(new Response(body), sink, ({ data }) => seen.push(data))
    expect(alive).toBe(5)
    expect(seen).toEqual(["{}", "1"])
  })

  test("ends at a sentinel with spaces around it", async () => {
    expect(await batchesOf("data: 1\n\ndata:  [DONE] \n\ndata: 2\n\n")).toEqual([["1"]])
  })

  test("gives an empty batch for a heartbeat", async () => {
    expect(await batchesOf(": ping\n\n", "data: 1\n\n")).toEqual([[], ["1"]])
  })

  test("gives the last event without its blank line if it is whole, and drops one that was cut", async () => {
    const eventsOf = async (last: string) => (await batchesOf("data: 1\n\n", last)).flat()
    expect(await eventsOf('data: {"a":1}')).toEqual(["1", '{"a":1}'])
    expect(await eventsOf('data: {"a":1}\n')).toEqual(["1", '{"a":1}'])
    expect(await eventsOf('data: {"a":')).toEqual(["1"])
  })

  test("is cancelled if the reader stops early", async () => {
    const { promise: cancelled, resolve } = Promise.withResolvers<void>()
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode("data: 1\n\n")),
      cancel: () => resolve()
    })
    for await (const batch of eventBatches(body)) {
      expect(batch).toHaveLength(1)
      break
    }
    await cancelled
  })
})
