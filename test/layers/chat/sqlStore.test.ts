/** Conversations in the database, with several instances that share it: claims, leases, bounds, and texts of all kinds. */
import { expect } from "bun:test"
import { join } from "node:path"
import { Deferred, Duration, Effect, Fiber, Stream } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import { onEachDatabase, sqlite, sqlOf, type StorageSettings } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"
import { withJumps } from "../../support/jumpingClock.ts"
import { assistant, completed, delta, sqlShared, turn, type Instance } from "../../support/chatStores.ts"
import { Sql } from "../../../layers/storage/Sql.ts"
import type { ChatEvent } from "../../../layers/chat/ChatEvent.ts"
import type { SqlSettings } from "../../../layers/chat/sql/sqlStore.ts"

/** Its process ends with the test. */
const started = (storage: StorageSettings, settings: Partial<SqlSettings> = {}) =>
  Effect.acquireRelease(sqlShared(storage, settings).start, ({ end }) => end)

/** A turn of the conversation, which begins if it does not exist. */
const newTurn = (
  requestId: string,
  {
    conversation,
    principal = "ada",
    text = "Hello"
  }: { readonly conversation?: string; readonly principal?: string; readonly text?: string } = {}
) => ({ ...turn(principal, requestId, text, conversation), create: true })

const pair = (storage: StorageSettings, settings: Partial<SqlSettings> = {}) =>
  Effect.map(Effect.replicateEffect(started(storage, settings), 2), ([one, other]) => {
    if (one === undefined || other === undefined) throw new Error("two were started")
    return { one, other }
  })

/** Says that the lease of every instance has ended, as if they had not renewed it. */
const endLeases = (storage: StorageSettings) =>
  Effect.provide(
    Effect.flatMap(Sql, ({ write }) => write((sql) => sql`UPDATE chat_instances SET lease_until = 1`)),
    sqlOf(storage)
  )

/** Watches until the event, in the background; returns once the first event was seen. */
const watching = Effect.fnUntraced(function* (
  { store }: Instance,
  conversation: string,
  after: number,
  until: (event: ChatEvent) => boolean
) {
  const first = yield* Deferred.make<void>()
  const seen = store.watch(conversation, after).pipe(
    Stream.tap(() => Deferred.succeed(first, undefined)),
    Stream.takeUntil(until),
    Stream.runCollect
  )
  const fiber = yield* Effect.forkChild(seen)
  yield* Deferred.await(first)
  return { fiber }
})

const all = { limit: Number.MAX_SAFE_INTEGER }

it.live(
  "turns go on when the clock is set, and those of a killed process do not seem to run until then",
  () =>
    withJumps((jump) =>
      Effect.gen(function* () {
        const storage = yield* sqlite
        const { one, other } = yield* pair(storage)
        yield* one.store.begin(newTurn("r", { conversation: "c" }))
        expect((yield* other.store.find("c"))?.running).toEqual({ requestId: "r", seq: 2 })
        for (const direction of ["forward", "back"] as const) {
          yield* jump(direction === "forward" ? "2 hours" : "4 hours", direction)
          expect((yield* other.store.find("c"))?.running).toEqual({ requestId: "r", seq: 2 })
          yield* one.store.append("c", [delta("r", "a")])
        }
        // What its process wrote before the clock was set back; it does not renew it any more.
        const killed = (sql: SqlClient) =>
          sql`INSERT INTO chat_instances (id, lease_until) VALUES ('killed', ${Date.now()})`
        const owned = (sql: SqlClient) => sql`UPDATE chat_conversations SET owner = 'killed' WHERE id = 'c'`
        yield* Effect.provide(
          Effect.flatMap(Sql, ({ write }) => write((sql) => Effect.andThen(killed(sql), owned(sql)))),
          sqlOf(storage)
        )
        const later = yield* started(storage)
        expect((yield* later.store.find("c"))?.running).toBeUndefined()
      })
    )
)

onEachDatabase("conversations in the database", (database) => {
  it.live("begin one turn for a request that several instances begin at once", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      const turns = [one, other, one, other].map(({ store }) =>
        store.begin(newTurn("r", { conversation: "c" }))
      )
      const begun = yield* Effect.all(turns, { concurrency: "unbounded" })
      expect(begun.map(({ _tag }) => _tag).toSorted()).toEqual(["known", "known", "known", "started"])
      const next = ["x", "y"].map((id) => newTurn(id, { conversation: "c" }))
      yield* one.store
        .append("c", [completed("r")])
        .pipe(Effect.catch(() => other.store.append("c", [completed("r")])))
      const results = yield* Effect.forEach(
        next,
        (each, index) => Effect.result((index === 0 ? one : other).store.begin(each)),
        { concurrency: "unbounded" }
      )
      const failures = results.flatMap((result) => (result._tag === "Failure" ? [result.failure.reason] : []))
      expect(failures).toEqual(["running"])
    })
  )

  it.live("end a turn once if the lease of its process ends, and store no later event of it", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const { one, other } = yield* pair(storage)
      yield* one.store.begin(newTurn("r", { conversation: "c" }))
      yield* one.store.append("c", [delta("r", "a")])
      expect((yield* other.store.find("c"))?.running).toEqual({ requestId: "r", seq: 2 })
      yield* endLeases(storage)
      const finders = Effect.replicateEffect(other.store.find("c"), 8, { concurrency: "unbounded" })
      expect((yield* finders).map((info) => info?.running)).toEqual(Array(8).fill(undefined))
      expect(yield* Effect.flip(one.store.append("c", [delta("r", "b")]))).toMatchObject({
        reason: "ended"
      })
      expect((yield* one.store.read("c", all)).slice(2)).toMatchObject([
        { seq: 3, type: "text_delta", text: "a" },
        { seq: 4, type: "turn_failed", error: { data: { reason: "interrupted" } } }
      ])
      expect(yield* other.store.begin(newTurn("s", { conversation: "c" }))).toMatchObject({ _tag: "started" })
    })
  )

  it.live("keep a new turn that begins while others notice the end of the one before", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const { one, other } = yield* pair(storage)
      for (let round = 0; round < 5; round++) {
        const id = `c${round}`
        yield* one.store.begin(newTurn(`${id}-old`, { conversation: id }))
        yield* endLeases(storage)
        const find = Effect.forkChild(other.store.find(id))
        const finders = yield* Effect.replicateEffect(find, 8)
        const next = newTurn(`${id}-new`, { conversation: id })
        expect(yield* other.store.begin(next)).toMatchObject({ _tag: "started" })
        yield* Effect.forEach(finders, Fiber.join)
        yield* other.store.append(id, [completed(`${id}-new`)])
        const types = (yield* one.store.read(id, all)).map(({ type }) => type)
        expect(types.slice(2)).toEqual(["turn_failed", "user_message", "turn_completed"])
      }
    })
  )

  it.live("take events of a turn from its process only, and each answer once from any", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      yield* one.store.begin(newTurn("r", { conversation: "c" }))
      expect(yield* Effect.flip(other.store.append("c", [delta("r", "a")]))).toMatchObject({
        reason: "ended"
      })
      expect(yield* Effect.flip(one.store.append("c", [delta("other", "a")]))).toMatchObject({
        reason: "ended"
      })
      yield* one.store.append("c", [
        {
          type: "input_requested",
          request_id: "r",
          id: "i",
          reason: "approval",
          message: "May it run?",
          expires_at: "2030-01-01T00:00:00.000Z"
        }
      ])
      const answered = { type: "input_answered", request_id: "r", id: "i", action: "accept" } as const
      expect(yield* other.store.respond("c", { ...answered, id: "none" })).toBe(false)
      expect(yield* other.store.respond("c", answered)).toBe(true)
      expect(yield* one.store.respond("c", answered)).toBe(false)
      expect(yield* other.store.respond("c", { type: "stop_requested", request_id: "r" })).toBe(true)
      expect(yield* Effect.flip(other.store.remove("c"))).toMatchObject({ reason: "running" })
    })
  )

  it.live("leave out deltas of a message that is stored with them or after them", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      yield* one.store.begin(newTurn("r", { conversation: "c" }))
      yield* one.store.append("c", [delta("r", "a")])
      yield* one.store.append("c", [delta("r", "b"), assistant("r", "ab", 0, [3, 4]), completed("r")])
      expect((yield* other.store.read("c", all)).map(({ seq }) => seq)).toEqual([1, 2, 5, 6])
      const watched = yield* Stream.runCollect(Stream.take(other.store.watch("c", 3), 3))
      expect(watched).toMatchObject([{ seq: 4, type: "text_delta", text: "b" }, { seq: 5 }, { seq: 6 }])
    })
  )

  it.live("are watched by other instances, to the end of a turn that is interrupted", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      yield* one.store.begin(newTurn("r", { conversation: "c" }))
      const { fiber: seen } = yield* watching(other, "c", 1, ({ type }) => type === "turn_failed")
      yield* one.store.append("c", [delta("r", "a"), delta("r", "b")])
      yield* one.end
      expect((yield* Fiber.join(seen)).map(({ seq, type }) => [seq, type])).toEqual([
        [2, "user_message"],
        [3, "text_delta"],
        [4, "text_delta"],
        [5, "turn_failed"]
      ])
    })
  )

  it.live("fail to be watched when another instance removes them", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      yield* one.store.begin(newTurn("r", { conversation: "c" }))
      yield* one.store.append("c", [completed("r")])
      const { fiber } = yield* watching(other, "c", 0, () => false)
      expect(yield* one.store.remove("c")).toBe(true)
      expect(yield* Effect.flip(Fiber.join(fiber))).toMatchObject({ reason: "not_found" })
      expect(yield* one.store.begin(newTurn("r"))).toMatchObject({ _tag: "started" })
    })
  )

  it.live("make room for new ones, the oldest first, and none that runs", () =>
    Effect.gen(function* () {
      const { one } = yield* pair(yield* database, { max_conversations: { principal: 2, total: 3 } })
      const begin = (id: string, principal: string) =>
        one.store.begin(newTurn(id, { conversation: id, principal }))
      const complete = (id: string) => one.store.append(id, [completed(id)])
      for (const id of ["a1", "a2"]) {
        yield* begin(id, "ada")
        yield* complete(id)
      }
      yield* begin("a3", "ada")
      expect((yield* one.store.list("ada", all)).conversations.map(({ id }) => id)).toEqual(["a3", "a2"])
      yield* begin("b1", "bob")
      // The total is reached: the oldest that does not run is another principal's.
      yield* begin("b2", "bob")
      expect(yield* one.store.find("a2")).toBeUndefined()
      expect(yield* Effect.flip(begin("b3", "bob"))).toMatchObject({ reason: "too_many" })
      expect(yield* Effect.flip(begin("c1", "cy"))).toMatchObject({ reason: "too_many" })
      expect(yield* one.store.find("a3")).toMatchObject({ running: { requestId: "a3" } })
    })
  )

  it.live("have a bound in bytes, without the deltas of complete messages", () =>
    Effect.gen(function* () {
      const { one } = yield* pair(yield* database, { max_bytes: { principal: 20_000, total: 2 ** 20 } })
      for (let at = 0; at < 5; at++) {
        const id = `c${at}`
        yield* one.store.begin(newTurn(id, { conversation: id, text: "x".repeat(1250) }))
        yield* one.store.append(id, [delta(id, "y".repeat(2500))])
        yield* one.store.append(id, [assistant(id, "y".repeat(2500), 0, [3]), completed(id)])
      }
      const kept = (yield* one.store.list("ada", all)).conversations.map(({ id }) => id)
      expect(kept).toEqual(["c4", "c3", "c2", "c1"])
    })
  )

  it.live("keep texts with U+0000 and lone surrogates, and find none by such an id", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      const odd = "\u0000 \ud800 ' \\u0000 9007199254740993"
      const oddTurn = newTurn(odd, { principal: odd, text: odd, conversation: "c" })
      yield* one.store.begin(oddTurn)
      yield* one.store.append("c", [delta(odd, odd), completed(odd)])
      expect(yield* other.store.begin(oddTurn)).toMatchObject({ _tag: "known", message: { request_id: odd } })
      expect((yield* other.store.read("c", all)).slice(1, 3)).toMatchObject([
        { type: "user_message", content: [{ text: odd }] },
        { type: "text_delta", text: odd }
      ])
      expect((yield* other.store.list(odd, { ...all, search: odd })).conversations).toHaveLength(1)
      for (const id of ["\u0000", "\ud800", "' OR 1=1 --"]) {
        expect(yield* one.store.find(id)).toBeUndefined()
        expect(yield* one.store.remove(id)).toBe(false)
        expect(yield* Effect.flip(one.store.read(id, all))).toMatchObject({ reason: "not_found" })
      }
    })
  )

  it.live("are removed when they are older than their retention", () =>
    Effect.gen(function* () {
      const storage = yield* database
      const first = yield* started(storage)
      for (const id of ["old", "new"]) {
        yield* first.store.begin(newTurn(id, { conversation: id }))
        yield* first.store.append(id, [completed(id)])
      }
      yield* Effect.provide(
        Effect.flatMap(Sql, ({ write }) =>
          write(
            (sql) => sql`UPDATE chat_conversations SET updated = '2020-01-01T00:00:00.000Z' WHERE id = 'old'`
          )
        ),
        sqlOf(storage)
      )
      const gone = yield* Effect.forkChild(Effect.flip(Stream.runDrain(first.store.watch("old", 0))))
      const { store } = yield* started(storage, { retention: Duration.days(30) })
      yield* store.begin(newTurn("r", { conversation: "later" }))
      expect(yield* Fiber.join(gone)).toMatchObject({ reason: "not_found" })
      expect((yield* store.list("ada", all)).conversations.map(({ id }) => id)).toEqual(["later", "new"])
    })
  )

  it.live("store events of many turns that are appended at once", () =>
    Effect.gen(function* () {
      const { one, other } = yield* pair(yield* database)
      const ids = Array.from({ length: 20 }, (_, index) => `c${index}`)
      yield* Effect.forEach(ids, (id) => one.store.begin(newTurn(id, { conversation: id })))
      yield* Effect.forEach(
        ids.flatMap((id) => [delta(id, "a"), delta(id, "b"), completed(id)].map((event) => ({ id, event }))),
        ({ event, id }) => one.store.append(id, [event]),
        { concurrency: "unbounded" }
      )
      expect(yield* Effect.flip(one.store.append("c0", [delta("c0", "late")]))).toMatchObject({
        reason: "ended"
      })
      for (const id of ids) {
        const types = (yield* other.store.read(id, all)).map(({ type }) => type)
        expect(types.slice(2)).toEqual(["text_delta", "text_delta", "turn_completed"])
      }
    })
  )
})

it.live(
  "conversations in a database that is damaged or cannot be reached are not available, without its path",
  () =>
    Effect.gen(function* () {
      const { dir } = yield* sqlite
      yield* Effect.promise(() => Bun.write(join(dir, "manifold.db"), "no database".repeat(1000)))
      const { store } = yield* started({ dir })
      const error = yield* Effect.flip(store.begin(newTurn("r")))
      expect(error).toMatchObject({ reason: "damaged" })
      expect(error.message).not.toContain(dir)
      const away = yield* started({ dir, postgres_url: "postgres://ada:secret@127.0.0.1:1/none" })
      const unreachable = yield* Effect.flip(away.store.find("c"))
      expect(unreachable).toMatchObject({ reason: "unavailable" })
      expect(unreachable.message).not.toContain("secret")
    })
)
