/** All stores of conversations: against one model, with random commands of several instances, and with readers of what they write. */
import { describe, expect, test } from "bun:test"
import { Effect, Fiber, Queue, Stream } from "effect"
import fc from "fast-check"
import { isTurnResponse } from "../../../layers/chat/ChatEvent.ts"
import { assistant, backends, completed, delta, turn } from "../../support/chatStores.ts"
import { it } from "../../support/effect.ts"
import { commands, runCommands } from "../../support/chatStoreModel.ts"

const isLong = process.env["MANIFOLD_LONG_TESTS"] === "1"

describe("conversations behave like the model", () => {
  for (const { cost, instances, name, open } of backends) {
    test(`in ${name}`, async () => {
      await fc.assert(
        fc.asyncProperty(commands, (list) =>
          Effect.runPromise(
            Effect.scoped(Effect.flatMap(open, (shared) => runCommands(shared, instances, list)))
          )
        ),
        { numRuns: Math.ceil((isLong ? 2000 : 60) / cost) }
      )
    }, 600_000)
  }
})

describe("a reader in the process that writes", () => {
  for (const { name, open } of backends) {
    it.live(`sees each event once, in ${name}`, () =>
      Effect.gen(function* () {
        const shared = yield* open
        const { store } = yield* Effect.acquireRelease(shared.start, ({ end }) => end)
        const begun = yield* store.begin(turn("ada", "r1"))
        if (begun._tag !== "started") throw new Error("the turn is new")
        const conversation = begun.events[0]?.conversation ?? ""
        const seen: Array<number> = []
        const waits = yield* Queue.unbounded<number>()
        const reader = store.watch(conversation, 0).pipe(
          Stream.tap(({ seq }) =>
            Effect.andThen(
              Effect.sync(() => seen.push(seq)),
              Queue.offer(waits, seq)
            )
          ),
          Stream.takeUntil(({ type }) => type === "turn_completed"),
          Stream.runDrain
        )
        const readers = yield* Effect.forkChild(Effect.all([reader, reader], { concurrency: 2 }))
        yield* Queue.takeN(waits, 2 * begun.events.length)
        // Each event finds readers that wait.
        for (const text of ["a", "b", "c"]) {
          yield* store.append(conversation, [delta("r1", text)])
          yield* Queue.takeN(waits, 2)
        }
        yield* store.append(conversation, [assistant("r1", "abc"), completed("r1")])
        yield* Fiber.join(readers)
        const last = begun.events.length + 5
        const once = Array.from({ length: last }, (_, index) => index + 1)
        expect(seen.toSorted((a, b) => a - b)).toEqual(once.flatMap((seq) => [seq, seq]))
      })
    )
  }
})

describe("a reader of responses", () => {
  for (const { instances, name, open } of backends) {
    it.live(`sees answers and requests to stop of every process, and no other event, in ${name}`, () =>
      Effect.gen(function* () {
        const shared = yield* open
        const { store } = yield* Effect.acquireRelease(shared.start, ({ end }) => end)
        const other =
          instances === 1
            ? store
            : (yield* Effect.acquireRelease(shared.start, (instance) => instance.end)).store
        const begun = yield* store.begin(turn("ada", "r1"))
        if (begun._tag !== "started") throw new Error("the turn is new")
        const conversation = begun.events[0]?.conversation ?? ""
        const reader = yield* store
          .watchResponses(conversation, 0)
          .pipe(Stream.take(3), Stream.runCollect, Effect.forkChild({ startImmediately: true }))
        const ask = (id: string) =>
          store.append(conversation, [
            delta("r1", id),
            {
              type: "input_requested",
              request_id: "r1",
              id,
              reason: "approval",
              message: "May it?",
              expires_at: "2027-01-01T00:00:00.000Z"
            }
          ])
        const answer = { type: "input_answered", request_id: "r1", action: "accept" } as const
        yield* ask("i1")
        yield* other.respond(conversation, { ...answer, id: "i1" })
        yield* ask("i2")
        yield* store.respond(conversation, { ...answer, id: "i2" })
        yield* other.respond(conversation, { type: "stop_requested", request_id: "r1" })
        const seen = yield* Fiber.join(reader)
        const stored = yield* store.read(conversation, { limit: 100 })
        expect(seen).toEqual(stored.filter(isTurnResponse))
        expect(seen.map((event) => ("id" in event ? event.id : event.type))).toEqual([
          "i1",
          "i2",
          "stop_requested"
        ])
      })
    )
  }
})
