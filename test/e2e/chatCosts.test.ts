/** Tokens and cost of turns, which are those of the ledger, also of calls that tools make or that do not end. */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { ask, base, chatService, chatSocket, chatWith, script, until, type Frame } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { chunk, events, openai } from "../support/models.ts"

/** What the ledger has, once it has so many calls of models. */
const ledger = Effect.fnUntraced(function* (calls: number) {
  const url = yield* base
  const read = Effect.promise(async () => {
    const report = (await (await fetch(new URL("/usage", url))).json()) as {
      readonly totals: { readonly day: Readonly<Record<string, unknown>> }
    }
    return report.totals.day
  })
  return yield* Effect.repeat(read, {
    until: (day) => day["calls"] === calls,
    schedule: Schedule.spaced("10 millis")
  })
})

const metadataOf = (frames: ReadonlyArray<Frame>) => Object(frames.at(-1)?.["metadata"]) as Frame

/** As the provider names it in its chunks. */
const chunkModel = "gpt-4o-2024-08-06"
const words = [chunk({ content: "Once upon a time, in a far country" })]

describe("a turn", () => {
  it.live("that is stopped states what the ledger has for the part of the answer", () =>
    Effect.gen(function* () {
      const { url } = yield* script(() => events(words, "open"))
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Tell me a story") })
        yield* until(client, "chunk")
        yield* client.send({ v: 1, action: "stop" })
        const frames = yield* until(client, "complete", "error")
        const { usage, cost_usd } = yield* ledger(1)
        const figures = { provider: "openai", model: chunkModel, usage, cost_usd, uncertain: true }
        expect(frames.find(({ status }) => status === "message")).toMatchObject({
          message: { ...figures, stop_reason: "error" }
        })
        const metadata = metadataOf(frames)
        expect(metadata).toMatchObject({ ...figures, stop_reason: "stopped" })
        expect(metadata["tokens"]).toBeGreaterThan(5)
        expect(Number(cost_usd)).toBeGreaterThan(0)
      }).pipe(Effect.provide(chatService(url, { llm: openai(url), chat: chatWith({ tools: [] }) })))
    })
  )

  it.live("has the calls of models in it that its tools make", () =>
    Effect.gen(function* () {
      const args = { query: "Capital of France?", model: "gpt-4o" }
      const { url } = yield* script(
        { calls: [{ id: "c1", name: "ask-model", args }] },
        ["Paris"],
        ["It is Paris."]
      )
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Ask another model for the capital of France") })
        const frames = yield* until(client, "complete", "error")
        const { usage, cost_usd } = yield* ledger(3)
        expect(metadataOf(frames)).toMatchObject({ tokens: 45, usage, cost_usd, uncertain: false })
        const messages = frames.filter(({ status }) => status === "message")
        expect(messages.map(({ message }) => Object(message).usage.total_tokens)).toEqual([15, 15])
      }).pipe(Effect.provide(chatService(url, { llm: openai(url), chat: chatWith({ approval: "never" }) })))
    })
  )

  it.live("that fails states in its message what the ledger has for the part of the answer", () =>
    Effect.gen(function* () {
      const { url } = yield* script(() => events([...words, 'data: {"error":{"message":"broken"}}\n\n']))
      yield* Effect.gen(function* () {
        const client = yield* chatSocket
        yield* client.send({ v: 1, ...ask("r1", "Tell me a story") })
        const frames = yield* until(client, "complete", "error")
        expect(frames.at(-1)).toMatchObject({ status: "error" })
        const { usage, cost_usd } = yield* ledger(1)
        expect(frames.find(({ status }) => status === "message")).toMatchObject({
          message: { model: chunkModel, usage, cost_usd, uncertain: true, stop_reason: "error" }
        })
      }).pipe(Effect.provide(chatService(url, { llm: openai(url), chat: chatWith({ tools: [] }) })))
    })
  )
})
