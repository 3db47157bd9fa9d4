/** Deltas that a process appends to one message in one job: their lines, and what readers see of them. */
import { expect, spyOn, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Effect } from "effect"
import fc from "fast-check"
import type { ChatEvent, Delta } from "../../../layers/chat/ChatEvent.ts"
import { DeltaEncoder } from "../../../layers/chat/jsonl/deltaLines.ts"
import { EventIndex } from "../../../layers/chat/jsonl/EventIndex.ts"
import { encodeEvents } from "../../../layers/chat/jsonl/lines.ts"
import { LogFile } from "../../../layers/platform/LogFile.ts"
import { completed, delta, jsonlShared, turn } from "../../support/chatStores.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const all = { limit: Number.MAX_SAFE_INTEGER }

/** Any code units, also halves of surrogate pairs. */
const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(fc.nat(0xffff), { maxLength: 200 })
    .map((units) => units.map((unit) => String.fromCharCode(unit)).join(""))
)

const message = fc.record({
  type: fc.constantFrom("text_delta", "reasoning_delta"),
  timestamp: fc.constant("2026-01-02T03:04:05.678Z"),
  conversation: text,
  seq: fc.oneof(fc.integer({ min: 1, max: 1200 }), fc.integer({ min: 1, max: 2 ** 40 })),
  request_id: text,
  hop: fc.nat(),
  text
})

const later = fc.record({
  seq: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 1200 })),
  timestamp: fc.constantFrom("2026-01-02T03:04:05.678Z", "2026-01-02T03:04:05.679Z"),
  text
})

test("lines are those of the general encoder, byte for byte", () => {
  const encoder = new DeltaEncoder()
  fc.assert(
    fc.property(message, fc.array(later, { minLength: 1 }), (first, others) => {
      expect(encoder.begin(first)).toBe(true)
      let { seq } = first
      for (const other of others) {
        seq += other.seq
        const { buffer, size } = encodeEvents([{ ...first, ...other, seq }])
        const length = encoder.encode(seq, other.timestamp, other.text)
        expect(encoder.buffer.toString("utf8", 0, length)).toBe(Buffer.from(buffer).toString("utf8", 0, size))
      }
    }),
    { numRuns: 500 }
  )
})

test("what is too long for the buffer is left to the general encoder", () => {
  const encoder = new DeltaEncoder()
  const first: Delta = {
    type: "text_delta",
    timestamp: "2026-01-02T03:04:05.678Z",
    conversation: "c",
    seq: 1,
    request_id: "r",
    hop: 0,
    text: ""
  }
  expect(encoder.begin({ ...first, request_id: "\0".repeat(2 ** 15) })).toBe(false)
  expect(encoder.begin(first)).toBe(true)
  expect(encoder.encode(2, first.timestamp, "\0".repeat(2 ** 15))).toBeUndefined()
  expect(encoder.encode(2, first.timestamp, "a")).toBe(encodeEvents([{ ...first, text: "a" }]).size)
})

it.live(
  "each delta is written when it is returned, and seen by the readers of this and of other processes",
  () =>
    Effect.gen(function* () {
      const folder = yield* stateFolder
      const file = join(folder, "events.jsonl")
      const shared = jsonlShared(folder)
      const [first, second] = [yield* shared.start, yield* shared.start]
      yield* first.store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      const append = spyOn(LogFile.prototype, "append")
      yield* Effect.addFinalizer(() => Effect.sync(() => append.mockRestore()))
      const indexed = spyOn(EventIndex.prototype, "add")
      yield* Effect.addFinalizer(() => Effect.sync(() => indexed.mockRestore()))
      const written: Array<ChatEvent> = []
      for (let number = 1; number <= 1000; number++) {
        // Some change the message, and some are longer than those that are written in one buffer.
        const piece = number % 250 === 0 ? "long ".repeat(10_000) : `${number} é`
        const [event] = yield* first.store.append("c", [delta("r1", piece, number > 600 ? 1 : 0)])
        if (event !== undefined) written.push(event)
        if (number % 100 > 0) continue
        const lines = readFileSync(file, "utf8").split("\n").slice(3, -1)
        expect(lines).toEqual(written.map((each) => JSON.stringify(each)))
        const reader = number % 200 === 0 ? first : second
        expect(yield* reader.store.find("c")).toMatchObject({ lastSeq: number + 2 })
        expect((yield* reader.store.read("c", all)).slice(2)).toEqual(written)
      }
      expect(written.map(({ seq }) => seq)).toEqual(Array.from({ length: 1000 }, (_, at) => at + 3))
      expect(append).toHaveBeenCalledTimes(1000)
      expect(indexed.mock.calls.length).toBeLessThan(1000)
      yield* first.store.append("c", [completed("r1")])
      expect(yield* Effect.flip(first.store.append("c", [delta("r1", "late", 1)]))).toMatchObject({
        reason: "ended"
      })
      expect((yield* second.store.read("c", all)).map(({ seq }) => seq)).toEqual(
        Array.from({ length: 1003 }, (_, at) => at + 1)
      )
    })
)
