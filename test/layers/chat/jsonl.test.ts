/** `events.jsonl`: damage, hand edits, sealed segments, and what is left in the files. */
import { describe, expect, spyOn } from "bun:test"
import {
  appendFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { Duration, Effect, Fiber, Stream } from "effect"
import { LogFile } from "../../../layers/platform/LogFile.ts"
import {
  assistant,
  completed,
  delta,
  jsonlShared,
  turn,
  type Instance,
  type Shared
} from "../../support/chatStores.ts"
import { stateFolder } from "../../support/databases.ts"
import { it } from "../../support/effect.ts"

const all = { limit: Number.MAX_SAFE_INTEGER }

/** Segments are rewritten, and old conversations removed, in the background. */
const eventually = (condition: () => boolean) =>
  Effect.whileLoop({ while: () => !condition(), body: () => Effect.sleep(1), step: () => {} })

/** The lock is kept until then. */
const endOfJob = Effect.promise(() => Promise.resolve())

/** A whole turn in conversation `c`. */
const oneTurn = ({ store }: Instance, request: string, text = "Hello", more = 0) =>
  Effect.gen(function* () {
    yield* store.begin({ ...turn("ada", request, text, "c"), create: true })
    for (let number = 0; number < more; number++) yield* store.append("c", [delta(request, "more")])
    yield* store.append("c", [delta(request, "Hi "), delta(request, "there")])
    yield* store.append("c", [assistant(request, "Hi there"), completed(request)])
  })

const fixture = Effect.map(stateFolder, (folder) => {
  const file = join(folder, "events.jsonl")
  return {
    folder,
    file,
    shared: jsonlShared(folder),
    text: () => readFileSync(file, "utf8"),
    lines: () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line.trim() !== ""),
    edit: (change: (text: string) => string) => {
      writeFileSync(`${file}~`, change(readFileSync(file, "utf8")))
      renameSync(`${file}~`, file)
    }
  }
})

const typesIn = (shared: Shared, conversation = "c") =>
  Effect.gen(function* () {
    const { end, store } = yield* shared.start
    const events = yield* store.read(conversation, all)
    yield* end
    return events.map(({ type }): string => type)
  })

const whole = ["conversation_started", "user_message", "assistant_message", "turn_completed"]

describe("events.jsonl", () => {
  it.live("has one line per event, with its usage and its time", () =>
    Effect.gen(function* () {
      const { file, shared } = yield* fixture
      yield* oneTurn(yield* shared.start, "r1")
      const jq = (filter: string) =>
        Bun.spawnSync(["jq", "-c", filter, file]).stdout.toString().trim().split("\n")
      expect(jq(".type").slice(1)).toEqual(
        [
          "conversation_started",
          "user_message",
          "text_delta",
          "text_delta",
          "assistant_message",
          "turn_completed"
        ].map((type) => `"${type}"`)
      )
      expect(jq(".usage").filter((usage) => usage !== "null")).toHaveLength(2)
      for (const time of jq(".timestamp").slice(1)) expect(time).toMatch(/^"\d{4}-.*Z"$/)
    })
  )

  it.live("is repaired if its last line is incomplete", () =>
    Effect.gen(function* () {
      const { file, lines, shared, text } = yield* fixture
      const first = yield* shared.start
      yield* oneTurn(first, "r1")
      const before = text()
      appendFileSync(file, lines().at(-1)?.slice(0, 40) ?? "")
      expect(yield* typesIn(shared)).toEqual(whole)
      expect(text()).toBe(before)
      appendFileSync(file, '{"type":"text_del')
      yield* oneTurn(first, "r2")
      expect(yield* typesIn(shared)).toEqual([...whole, ...whole.slice(1)])
    })
  )

  it.live("loses an append of which only some lines were written, and nothing else", () =>
    Effect.gen(function* () {
      const { file, lines, shared, text } = yield* fixture
      const first = yield* shared.start
      yield* first.store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      const before = text()
      yield* first.store.append("c", [delta("r1", "a"), delta("r1", "b"), delta("r1", "c")])
      const kept = before.length + (lines().at(-3)?.length ?? 0) + (lines().at(-2)?.length ?? 0) + 2
      yield* first.end
      truncateSync(file, kept)
      // The turn of the first instance has ended with it.
      expect(yield* typesIn(shared)).toEqual([...whole.slice(0, 2), "turn_failed"])
      expect(text().startsWith(before)).toBe(true)
    })
  )

  it.live("keeps the text of a damaged line in the quarantine, and says so in the history", () =>
    Effect.gen(function* () {
      const { edit, folder, lines, shared } = yield* fixture
      const first = yield* shared.start
      yield* oneTurn(first, "r1")
      yield* oneTurn(first, "r2")
      const damaged = lines()[2]?.replace('"type":"user_message"', '"type":"user_mess') ?? ""
      edit((text) => text.replace('"type":"user_message"', '"type":"user_mess'))
      // The instance that has the old file open, and a new one.
      const events = yield* first.store.read("c", all)
      expect(events.at(-1)).toMatchObject({
        type: "history_damaged",
        lines: 1,
        quarantine: "events.quarantine"
      })
      expect(events.map(({ type }): string => type)).toEqual([
        "conversation_started",
        "assistant_message",
        "turn_completed",
        ...whole.slice(1),
        "history_damaged"
      ])
      const second = yield* shared.start
      expect(yield* second.store.read("c", all)).toEqual([...events])
      expect(readFileSync(join(folder, "events.quarantine"), "utf8")).toBe(`${damaged}\n`)
      yield* oneTurn(second, "r3")
      expect(yield* first.store.read("c", all)).toHaveLength(events.length + 3)
    })
  )

  it.live("quarantines an event with a wrong field once it is read", () =>
    Effect.gen(function* () {
      const { edit, folder, shared } = yield* fixture
      const first = yield* shared.start
      yield* oneTurn(first, "r1")
      yield* first.end
      edit((text) => text.replace('"stop_reason":"stop"', '"stop_reason":12345'))
      expect(yield* typesIn(shared)).toEqual([
        "conversation_started",
        "user_message",
        "turn_completed",
        "history_damaged"
      ])
      expect(readFileSync(join(folder, "events.quarantine"), "utf8")).toContain('"stop_reason":12345')
    })
  )

  it.live("quarantines a delta of another process that was indexed without being parsed", () =>
    Effect.gen(function* () {
      const { file, folder, shared, text } = yield* fixture
      const [first, second] = [yield* shared.start, yield* shared.start]
      yield* first.store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      expect(yield* second.store.find("c")).toMatchObject({ lastSeq: 2 })
      for (const part of ["aa", "bb", "cc"]) yield* first.store.append("c", [delta("r1", part)])
      writeFileSync(file, text().replace('"text":"bb"}', '"text":"b\\"}'))
      expect(yield* second.store.find("c")).toMatchObject({ lastSeq: 5 })
      const events = yield* second.store.read("c", all)
      expect(events.map(({ seq, type }): string => `${seq} ${type}`)).toEqual([
        "1 conversation_started",
        "2 user_message",
        "3 text_delta",
        "5 text_delta",
        "6 history_damaged"
      ])
      expect(readFileSync(join(folder, "events.quarantine"), "utf8")).toContain('"text":"b\\"}')
    })
  )

  it.live("may be edited by hand, also without an end of the last line", () =>
    Effect.gen(function* () {
      const { edit, shared } = yield* fixture
      const first = yield* shared.start
      yield* oneTurn(first, "r1", "Hello")
      edit((text) => text.replace('"text":"Hello"', '"text":"Good day, all of you"').trimEnd())
      const [, message] = yield* first.store.read("c", all)
      expect(message).toMatchObject({ content: [{ text: "Good day, all of you" }] })
      yield* oneTurn(first, "r2")
      expect(yield* typesIn(shared)).toEqual([...whole, ...whole.slice(1)])
    })
  )

  it.live("keeps events of a type that a later version has added", () =>
    Effect.gen(function* () {
      const { file, shared, text } = yield* fixture
      const first = yield* shared.start
      yield* oneTurn(first, "r1")
      yield* endOfJob
      const time = "2030-01-01T00:00:00.000Z"
      appendFileSync(file, `{"type":"poem","timestamp":"${time}","conversation":"c","seq":7}\n`)
      yield* oneTurn(first, "r2")
      expect(yield* typesIn(shared)).toEqual([...whole, ...whole.slice(1)])
      expect(text()).toContain("poem")
    })
  )

  it.live("is sealed when it is large, without superseded deltas, for all that use it", () =>
    Effect.gen(function* () {
      const { folder } = yield* fixture
      const shared = jsonlShared(folder, { segment_bytes: 4000 })
      const [first, second] = [yield* shared.start, yield* shared.start]
      for (let number = 0; number < 12; number++) yield* oneTurn(first, `r${number}`, "Hello", 10)
      expect(yield* second.store.read("c", all)).toHaveLength(37)
      const names = readdirSync(folder).filter((name) => /^events-.*jsonl$/.test(name))
      expect(names.length).toBeGreaterThan(1)
      // Only the turn that ran had deltas when the file was sealed.
      yield* eventually(() => {
        const sealed = names.map((name) => readFileSync(join(folder, name), "utf8")).join("")
        return sealed.split("text_delta").length - 1 < 12 * names.length
      })
      expect(yield* second.store.read("c", all)).toHaveLength(37)
      yield* oneTurn(second, "r12")
      expect(yield* first.store.read("c", all)).toHaveLength(40)
      expect(yield* typesIn(shared)).toHaveLength(40)
    })
  )

  it.live("continues after a process has died between sealing it and beginning a new one", () =>
    Effect.gen(function* () {
      const { file, folder, shared } = yield* fixture
      yield* oneTurn(yield* shared.start, "r1")
      writeFileSync(join(folder, "events-000001.jsonl"), readFileSync(file))
      expect(yield* typesIn(shared)).toEqual(whole)
      const after = yield* shared.start
      yield* oneTurn(after, "r2")
      expect(yield* typesIn(shared)).toEqual([...whole, ...whole.slice(1)])
    })
  )

  it.live("continues in a process that had found no file before another one sealed the first and died", () =>
    Effect.gen(function* () {
      const { file, folder, shared } = yield* fixture
      const early = yield* shared.start
      expect(yield* early.store.find("c")).toBeUndefined()
      const first = yield* shared.start
      yield* oneTurn(first, "r1")
      yield* first.end
      renameSync(file, join(folder, "events-000001.jsonl"))
      yield* early.store.begin({ ...turn("ada", "r2", "Hello", "d"), create: true })
      expect(yield* typesIn(shared)).toEqual(whole)
      expect(yield* typesIn(shared, "d")).toEqual(whole.slice(0, 2))
    })
  )

  it.live("has nothing left of a removed conversation, in any segment, and reuses the room", () =>
    Effect.gen(function* () {
      const { folder } = yield* fixture
      const shared = jsonlShared(folder, { segment_bytes: 3000 })
      const first = yield* shared.start
      for (let number = 0; number < 8; number++) yield* oneTurn(first, `r${number}`, `secret-${number}`)
      const other = yield* first.store.begin(turn("bob", "b1", "Other"))
      expect(yield* first.store.remove("c")).toBe(true)
      const contents = () =>
        readdirSync(folder)
          .filter((name) => name.endsWith(".jsonl"))
          .map((name) => readFileSync(join(folder, name), "utf8"))
          .join("")
      expect(contents()).not.toContain("secret")
      expect(contents()).not.toContain("there")
      const id = other._tag === "started" ? (other.events[0]?.conversation ?? "") : ""
      for (let number = 0; number < 30; number++)
        yield* first.store.append(id, [delta("b1", "z".repeat(200))])
      yield* eventually(() => !readdirSync(folder).includes("events-000001.jsonl"))
      const second = yield* shared.start
      expect(yield* second.store.find("c")).toBeUndefined()
      expect(yield* second.store.read(id, all)).toHaveLength(32)
    })
  )

  it.live(
    "has nothing left of a conversation that another process removes while a segment is rewritten",
    () =>
      Effect.gen(function* () {
        for (let wait = 0; wait < 12; wait++) {
          const { folder } = yield* fixture
          const [first, second] = [yield* jsonlShared(folder).start, yield* jsonlShared(folder).start]
          for (let number = 0; number < 25; number++) {
            yield* oneTurn(first, `r${number}`, `secret-${"s".repeat(10_000)}`)
            yield* first.store.begin({ ...turn("bob", `b${number}`, "Hello", `d${number}`), create: true })
            yield* first.store.append(`d${number}`, [delta(`b${number}`, "z".repeat(8000))])
            yield* first.store.append(`d${number}`, [assistant(`b${number}`, "ok"), completed(`b${number}`)])
          }
          expect(yield* second.store.find("c")).toMatchObject({ running: undefined })
          const sealing = yield* jsonlShared(folder, { segment_bytes: 100_000 }).start
          yield* sealing.store.begin(turn("bob", "last"))
          yield* Effect.repeat(Effect.yieldNow, { times: wait })
          expect(yield* second.store.remove("c")).toBe(true)
          yield* eventually(() => !readdirSync(folder).some((name) => name.endsWith(".new")))
          expect(yield* second.store.read("d0", all)).toHaveLength(4)
          expect(yield* sealing.store.find("c")).toBeUndefined()
          const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"))
          for (const name of files) expect(readFileSync(join(folder, name), "utf8")).not.toContain("secret")
        }
      })
  )

  it.live("ends conversations that nothing was added to for chat.retention", () =>
    Effect.gen(function* () {
      const { folder } = yield* fixture
      const old = yield* jsonlShared(folder).start
      yield* oneTurn(old, "r1")
      yield* Effect.sleep(5)
      const shared = jsonlShared(folder, { retention: Duration.zero, segment_bytes: 100 })
      const { store } = yield* shared.start
      yield* store.begin(turn("bob", "b1"))
      expect(yield* Effect.flip(Stream.runDrain(store.watch("c", 0)))).toMatchObject({ reason: "not_found" })
    })
  )
})

describe("processes that share events.jsonl", () => {
  it.live("see the events of each other as they are stored", () =>
    Effect.gen(function* () {
      const { shared } = yield* fixture
      const [first, second] = [yield* shared.start, yield* shared.start]
      yield* first.store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      const seen = yield* Effect.forkChild(
        Stream.runCollect(
          Stream.takeUntil(second.store.watch("c", 0), ({ type }) => type === "turn_completed")
        )
      )
      yield* first.store.append("c", [delta("r1", "Hi")])
      expect(yield* second.store.respond("c", { type: "stop_requested", request_id: "r1" })).toBe(true)
      yield* first.store.append("c", [completed("r1")])
      expect((yield* Fiber.join(seen)).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5])
    })
  )

  it.live("end the turn of one that has died, once, also for those that only watch", () =>
    Effect.gen(function* () {
      const { shared } = yield* fixture
      const [first, second, third] = [yield* shared.start, yield* shared.start, yield* shared.start]
      yield* first.store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      const seen = yield* Effect.forkChild(
        Stream.runCollect(Stream.takeUntil(second.store.watch("c", 0), ({ type }) => type === "turn_failed"))
      )
      expect(yield* third.store.find("c")).toMatchObject({ running: { requestId: "r1" } })
      yield* first.end
      expect((yield* Fiber.join(seen)).at(-1)).toMatchObject({
        seq: 3,
        error: { data: { reason: "interrupted" } }
      })
      yield* Effect.all([second.store.find("c"), third.store.find("c")], { concurrency: 2 })
      expect(yield* typesIn(shared)).toEqual(["conversation_started", "user_message", "turn_failed"])
    })
  )
})

describe("durability", () => {
  const flushes = (fsync: "always" | "never" | "turn") =>
    Effect.gen(function* () {
      const { folder } = yield* fixture
      const sync = spyOn(LogFile.prototype, "sync")
      yield* Effect.addFinalizer(() => Effect.sync(() => sync.mockRestore()))
      const first = yield* jsonlShared(folder, { fsync }).start
      const { store } = first
      const counts: Array<number> = []
      const count = Effect.sync(() => counts.push(sync.mock.calls.length))
      const begun = yield* store.begin({ ...turn("ada", "r1", "Hello", "c"), create: true })
      if (begun._tag === "started") yield* begun.durable
      yield* count
      yield* store.append("c", [delta("r1", "a")])
      yield* count
      yield* store.append("c", [completed("r1")])
      yield* count
      yield* first.end
      return counts
    })

  it.live("flushes the message and the end of a turn by default, each event with always", () =>
    Effect.gen(function* () {
      expect(yield* Effect.scoped(flushes("turn"))).toEqual([1, 1, 2])
      expect(yield* Effect.scoped(flushes("always"))).toEqual([1, 2, 3])
      expect(yield* Effect.scoped(flushes("never"))).toEqual([0, 0, 0])
    })
  )

  it.live("fails events that no disk has room for, and stores nothing of them", () =>
    Effect.gen(function* () {
      const { folder, lines, shared } = yield* fixture
      // The limit is in KiB. Without the trap it would end the process.
      const limited = ["bash", "-c", "trap '' XFSZ; ulimit -f 32; exec \"$@\"", "bash"]
      const script = join(import.meta.dir, "chatProcess.ts")
      const child = Bun.spawnSync([...limited, process.execPath, script, folder, "a", "1", "1000000"])
      expect(child.stderr.toString()).toContain("file too large")
      const acknowledged = child.stdout.toString().trim().split("\n")
      expect(acknowledged.length).toBeGreaterThan(10)
      // One line is that of the segment.
      expect(lines()).toHaveLength(acknowledged.length + 1)
      for (const line of lines()) JSON.parse(line)
      yield* oneTurn(yield* shared.start, "r1")
      expect(yield* typesIn(shared)).toEqual(whole)
    })
  )
})

describe("a folder that cannot be used", () => {
  it.live("fails with the reason, and works once it can", () =>
    Effect.gen(function* () {
      const folder = yield* stateFolder
      const path = join(folder, "state")
      writeFileSync(path, "a file")
      const { store } = yield* jsonlShared(path).start
      const error = yield* Effect.flip(store.begin(turn("ada", "r1")))
      expect(error).toMatchObject({ reason: "unavailable" })
      renameSync(path, `${path}.old`)
      mkdirSync(path)
      expect(yield* store.begin(turn("ada", "r1"))).toMatchObject({ _tag: "started" })
    })
  )
})
