/** A backup in the middle of streamed turns restores whole events, and the restored service goes on with each conversation. */
import { expect } from "bun:test"
import { Effect, Schedule, Schema } from "effect"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { chunk, done, events, local, server, usage } from "../support/models.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { manifold } from "../support/stdio.ts"

const conversations = ["a", "b", "c", "d", "e", "f"]
const often = Schedule.spaced("20 millis")

const History = Schema.Struct({
  running: Schema.NullOr(Schema.Unknown),
  events: Schema.Array(
    Schema.Struct({
      seq: Schema.Int,
      status: Schema.String,
      chunk: Schema.optionalKey(Schema.Struct({ data: Schema.String })),
      error: Schema.optionalKey(Schema.Unknown)
    })
  )
})

/** A model that counts words until `stop`; afterwards it answers at once. */
const counting = Effect.gen(function* () {
  let isStopped = false
  let running = 0
  const encoder = new TextEncoder()
  const model = yield* server(() => {
    const finish = [chunk({}, { finish: "stop" }), usage(10, 5), done]
    if (isStopped) return events([chunk({ content: "Hello again" }), ...finish])
    let word = 0
    running++
    const encode = (each: object | string) =>
      encoder.encode(typeof each === "string" ? each : `data: ${JSON.stringify(each)}\n\n`)
    const stream = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        // Lets other requests of this process run.
        await new Promise((resolve) => setImmediate(resolve))
        if (!isStopped) return controller.enqueue(encode(chunk({ content: `w${word++} ` })))
        for (const each of finish) controller.enqueue(encode(each))
        running--
        controller.close()
      }
    })
    return new Response(stream, { headers: { "content-type": "text/event-stream" } })
  })
  return { url: model.url, running: () => running, stop: Effect.sync(() => void (isStopped = true)) }
})

/** Serves the folder, and sends requests about conversations. */
const serving = Effect.fnUntraced(function* (dir: string, model: string, store: string) {
  const { url } = yield* servingProcess({
    config: {
      storage: { dir },
      llm: local(model),
      chat: {
        service: {
          streaming: { enabled: true },
          context: { max_tokens: 100_000, reserve_tokens: 1000, preserve_recent: 4 },
          max_tool_hops: 0
        },
        segment_bytes: 65_536,
        store
      }
    }
  })
  const send = (path: string, body?: object, accept = "application/json") =>
    Effect.promise(() =>
      fetch(new URL(path, url), {
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
        headers: { "content-type": "application/json", accept }
      })
    )
  const history = Effect.fnUntraced(function* (id: string) {
    const response = yield* send(`/chat/${id}/export`)
    return yield* Schema.decodeUnknownEffect(History)(yield* Effect.promise(() => response.json()))
  })
  /** Returns when the first chunk has arrived. The turn goes on. */
  const begin = Effect.fnUntraced(function* (id: string) {
    const response = yield* send("/chat", { text: "Count.", conversation_id: id }, "text/event-stream")
    yield* Effect.promise(async () => {
      const reader = (response.body ?? new ReadableStream<Uint8Array>()).getReader()
      for (let text = ""; !text.includes('"chunk"');) {
        const { done: isDone, value } = await reader.read()
        if (isDone) throw new Error(`the turn has ended: ${text}`)
        text += new TextDecoder().decode(value)
      }
      await reader.cancel()
    })
  })
  return { begin, history, send }
})

for (const store of ["jsonl", "sql"]) {
  it.live(`conversations in ${store} are restored as they were at some moment of each turn`, () =>
    Effect.gen(function* () {
      const home = yield* stateFolder
      const [dir, restored] = [`${home}/state`, `${home}/restored`]
      const run = (...args: ReadonlyArray<string>) =>
        manifold(args, { env: { HOME: home, MANIFOLD_STORAGE_DIR: dir } })
      const model = yield* counting
      const original = yield* serving(dir, model.url, store)
      yield* Effect.forEach(conversations, original.begin, { concurrency: "unbounded" })
      // So that segments are sealed while they are copied.
      if (store === "jsonl") {
        yield* Effect.repeat(
          Effect.sync(() => existsSync(`${dir}/events-000002.jsonl`)),
          { until: (exists) => exists, schedule: often }
        )
      }
      expect(yield* run("backup", `${home}/saved`)).toMatchObject({ code: 0 })
      expect(model.running()).toBe(conversations.length)
      yield* model.stop
      for (const id of conversations) {
        yield* Effect.repeat(original.history(id), {
          until: ({ running }) => running === null,
          schedule: often
        })
      }

      expect(yield* run("restore", `${home}/saved`, "--to", restored)).toMatchObject({ code: 0 })
      for (const name of readdirSync(restored).filter((each) => each.endsWith(".jsonl"))) {
        expect(readFileSync(`${restored}/${name}`, "utf8").slice(-1)).toBe("\n")
      }
      const service = yield* serving(restored, model.url, store)
      for (const id of conversations) {
        const found = yield* service.history(id)
        const words = found.events.flatMap((event) => event.chunk?.data ?? []).join("")
        const count = words.split(" ").length - 1
        expect(count).toBeGreaterThan(0)
        expect(words).toBe(Array.from({ length: count }, (_, word) => `w${word} `).join(""))
        // Its process is gone, so the turn was interrupted.
        expect([found.running, found.events.at(-1)?.status]).toEqual([null, "error"])
        const response = yield* service.send("/chat", { text: "Go on.", conversation_id: id })
        expect(yield* Effect.promise(() => response.json())).toMatchObject({
          status: "complete",
          conversation_id: id,
          text: "Hello again"
        })
      }
      expect(readdirSync(restored)).not.toContain("events.quarantine")
    })
  )
}
