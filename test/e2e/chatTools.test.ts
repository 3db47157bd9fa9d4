/** Conversations with more tools than a provider accepts in one request. */
import { expect } from "bun:test"
import { Effect, Schema } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { ask, chatService, chatSocket, chatWith, response, until, type Frame } from "../support/chat.ts"
import { it } from "../support/effect.ts"
import { local, openai, server } from "../support/models.ts"

/** What OpenAI accepts. */
const most = 128

const Body = Schema.Struct({
  tools: Schema.optionalKey(Schema.Array(Schema.Struct({ function: Schema.Struct({ name: Schema.String }) })))
})
const namesOf = (body: unknown) =>
  (Schema.decodeUnknownSync(Body)(body).tools ?? []).map(({ function: { name } }) => name)

/** Rejects more tools as OpenAI does. */
const model = server(
  async (request) => {
    const count = namesOf(await request.json()).length
    const message = `Invalid 'tools': array too long. Expected an array with maximum length ${most}, but got an array with length ${count} instead.`
    return count > most
      ? Response.json({ error: { message, code: "array_above_max_length" } }, { status: 400 })
      : response(["Done."])
  },
  ["gpt-4o"]
)

const entries = ["alpha", "beta"].flatMap((group) =>
  Array.from({ length: 100 }, (_, index) =>
    rawTool({ name: `${group}__${String(index).padStart(3, "0")}`, inputSchema: { type: "object" } }, () =>
      Effect.succeed({ content: [] })
    )
  )
)

/** The frames of a turn while the caller has those tools as well. */
const turn = Effect.gen(function* () {
  yield* (yield* Catalog).contribute({ owner: "test", entries: { tools: entries } })
  const client = yield* chatSocket
  yield* client.send({ v: 1, ...ask("one", "Hello") })
  return yield* until(client, "complete", "error")
}).pipe(Effect.scoped)

const notice = (frames: ReadonlyArray<Frame>) => frames.find(({ status }) => status === "tools_omitted")

it.live(
  "the model gets as many tools as its provider accepts, and the client learns how many it does not get",
  () =>
    Effect.gen(function* () {
      const { requests, url } = yield* model
      const frames = yield* Effect.provide(turn, chatService("", { llm: openai(url) }), { local: true })
      expect(frames.at(-1)).toMatchObject({ status: "complete" })
      const sent = namesOf(requests[0]?.body)
      expect(sent).toHaveLength(most)
      expect(sent.slice(0, 100)).toEqual(entries.slice(0, 100).map(({ name }) => name))
      const { omitted_tools, sent_tools } = notice(frames) ?? {}
      expect(sent_tools).toBe(most)
      expect(omitted_tools).toBeGreaterThan(200 - most)
    })
)

it.live("the tools that chat.service.tools names first come first", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* model
    const chat = chatWith({ tools: ["beta__099", "beta__*", "alpha__*", "math.add"] })
    const frames = yield* Effect.provide(turn, chatService("", { llm: openai(url), chat }), { local: true })
    expect(notice(frames)).toMatchObject({ omitted_tools: 201 - most, sent_tools: most })
    const sent = namesOf(requests[0]?.body)
    expect(sent[0]).toBe("beta__099")
    expect(sent.filter((name) => name.startsWith("beta__"))).toHaveLength(100)
    expect(sent.at(-1)).toBe("alpha__027")
  })
)

it.live("a provider without a limit gets all, one with llm.providers.<name>.max_tools that many", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(() => response(["Done."]))
    const all = yield* Effect.provide(turn, chatService(url), { local: true })
    expect(notice(all)).toBeUndefined()
    expect(namesOf(requests[0]?.body).length).toBeGreaterThan(200)
    const few = yield* Effect.provide(turn, chatService("", { llm: local(url, { max_tools: 5 }) }), {
      local: true
    })
    expect(notice(few)).toMatchObject({ sent_tools: 5 })
    expect(namesOf(requests[1]?.body)).toHaveLength(5)
  })
)

it.live("the least limit of the active provider and its fallbacks counts", () =>
  Effect.gen(function* () {
    const broken = yield* server(() => Response.json({ error: { message: "down" } }, { status: 503 }))
    const { requests, url } = yield* server(() => response(["Done."]))
    const llm = {
      active: "first",
      fallback: ["second"],
      providers: {
        first: { base_url: broken.url, model: "m" },
        second: { base_url: url, model: "m", max_tools: 7 }
      }
    }
    const once = { retry: { attempts: 1 } }
    const frames = yield* Effect.provide(turn, chatService("", { llm, limits: once }), { local: true })
    expect(frames.at(-1)).toMatchObject({ status: "complete" })
    expect(namesOf(requests[0]?.body)).toHaveLength(7)
  })
)
