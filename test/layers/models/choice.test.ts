/** Which provider and model answers: the list of models, the choice of a call, fallbacks and circuit breakers. */
import { describe, expect } from "bun:test"
import { Effect, Stream } from "effect"
import * as Tool from "effect/ai/Tool"
import { Models } from "../../../layers/models/Models.ts"
import { it } from "../../support/effect.ts"
import {
  chunk,
  collect,
  done,
  events,
  finished,
  local,
  models,
  openai,
  server,
  usage
} from "../../support/models.ts"

const says = (text: string) => () => events([chunk({ content: text }, { finish: "stop" }), usage(1, 1), done])
const fails = (status: number) => () => Response.json({ error: { message: "no" } }, { status })

/** One attempt, so that a failure is final. */
const once = { limits: { retry: { attempts: 1 } } }

describe("a model", () => {
  it.live("that the provider does not list is rejected with the nearest names, before any request", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(says("hi"), ["gpt-4o", "gpt-4.1", "o3"])
      yield* Effect.gen(function* () {
        const { error } = yield* collect({ model: "gpt-4" })
        expect(error).toMatchObject({ _tag: "ModelError", reason: "invalid" })
        expect(error?.message).toContain("gpt-4o")
        expect((yield* collect({ model: "gpt-4.1" })).text).toBe("hi")
      }).pipe(Effect.provide(models(openai(url))))
      expect(requests).toHaveLength(1)
    })
  )

  it.effect("with a name that no log should have is rejected", () =>
    Effect.gen(function* () {
      const { error } = yield* collect({ model: "m".repeat(100_000) })
      expect(error).toMatchObject({ reason: "invalid" })
      expect(error?.message.length).toBeLessThan(500)
    }).pipe(Effect.provide(models(local("http://127.0.0.1:1/v1"))))
  )

  it.live("gets no request with more tools than its provider accepts", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(says("hi"), ["gpt-4o"])
      const tools = Array.from({ length: 129 }, (_, index) =>
        Tool.dynamic(`tool_${index}`, { parameters: { type: "object", properties: {} } })
      )
      yield* Effect.gen(function* () {
        const { error } = yield* collect({ tools })
        expect(error).toMatchObject({ _tag: "ModelError", reason: "invalid" })
        expect(error?.message).toContain("129 tools, more than 128 (llm.providers.openai.max_tools)")
        expect(requests).toHaveLength(0)
        expect((yield* collect({ tools: tools.slice(1) })).text).toBe("hi")
      }).pipe(Effect.provide(models(openai(url))))
      const more = models(openai(url, { max_tools: 200 }))
      expect((yield* Effect.provide(collect({ tools }), more)).text).toBe("hi")
    })
  )

  it.live("is not checked where the server has no list", () =>
    Effect.gen(function* () {
      const { url } = yield* server(says("hi"))
      expect((yield* Effect.provide(collect({ model: "any" }), models(local(url)))).text).toBe("hi")
    })
  )

  it.live("decides about the provider if several keys are set and no provider is named", () =>
    Effect.gen(function* () {
      const one = yield* server(says("one"), ["m1"])
      const two = yield* server(says("two"), ["m2"])
      const llm = {
        active: "one",
        providers: {
          one: { base_url: one.url, model: "m1" },
          two: { base_url: two.url, model: "m2" }
        }
      }
      yield* Effect.gen(function* () {
        expect((yield* collect()).text).toBe("one")
        expect((yield* collect({ provider: "two" })).text).toBe("two")
        expect((yield* collect({ provider: "three" })).error).toMatchObject({ reason: "invalid" })
      }).pipe(Effect.provide(models(llm)))
    })
  )
})

describe("without a section llm", () => {
  it.effect("every provider whose key variable is set is available, and a call must name a model", () =>
    Effect.gen(function* () {
      const { active, providers } = yield* Models
      expect(active).toBeUndefined()
      expect(providers.map(({ name }) => name)).toEqual(["openai", "groq"])
      const { error } = yield* collect({ provider: "groq" })
      expect(error).toMatchObject({ reason: "invalid", provider: "groq" })
    }).pipe(Effect.provide(models(undefined, { env: { OPENAI_API_KEY: "a", GROQ_API_KEY: "b" } })))
  )

  it.effect("and without keys there is no provider, and the error says how to add one", () =>
    Effect.gen(function* () {
      expect((yield* Models).providers).toEqual([])
      const { error } = yield* collect({ provider: "openai" })
      expect(error?.message).toContain("llm")
    }).pipe(Effect.provide(models(undefined)))
  )
})

describe("a fallback", () => {
  const pair = (first: string, second: string, more: Record<string, unknown> = {}) => ({
    active: "one",
    fallback: ["two"],
    providers: { one: { base_url: first, model: "a", ...more }, two: { base_url: second, model: "b" } }
  })

  it.live("answers with its own model when the active provider fails, each call with its own outcome", () =>
    Effect.gen(function* () {
      const one = yield* server(fails(503))
      const two = yield* server(says("two"))
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const { finish, text } = yield* collect()
        expect(text).toBe("two")
        expect(finish).toMatchObject({ metadata: { manifold: { provider: "two" } } })
        expect(ended.map(({ call, outcome }) => [call.name, outcome.status])).toEqual([
          ["a", "failed"],
          ["b", "succeeded"]
        ])
      }).pipe(Effect.provide(models(pair(one.url, two.url), once)))
    })
  )

  it.live("does not begin once a part has arrived", () =>
    Effect.gen(function* () {
      const one = yield* server(() => events([chunk({ content: "half" })]))
      const two = yield* server(says("two"))
      const { error, text } = yield* Effect.provide(collect(), models(pair(one.url, two.url)))
      expect(text).toBe("half")
      expect(error).toMatchObject({ reason: "network" })
      expect(two.requests).toEqual([])
    })
  )

  it.live("does not begin for an invalid request, nor for a call that names its model", () =>
    Effect.gen(function* () {
      const one = yield* server(fails(400))
      const two = yield* server(says("two"))
      const layer = models(pair(one.url, two.url), once)
      expect((yield* Effect.provide(collect(), layer)).error).toMatchObject({ reason: "invalid" })
      const down = yield* server(fails(503))
      const named = collect({ model: "a" })
      const { error } = yield* Effect.provide(named, models(pair(down.url, two.url), once))
      expect(error).toMatchObject({ reason: "overloaded" })
      expect(two.requests).toEqual([])
    })
  )

  it.live("answers at once while the circuit breaker of the active provider is open", () =>
    Effect.gen(function* () {
      const one = yield* server(fails(503))
      const two = yield* server(says("two"))
      const limits = { retry: { attempts: 1 }, breaker: { failures: 2 } }
      yield* Effect.gen(function* () {
        for (let call = 0; call < 4; call++) expect((yield* collect()).text).toBe("two")
        expect(one.requests).toHaveLength(2)
        // Other models of the provider share its circuit.
        expect((yield* collect({ provider: "one", model: "c" })).error?._tag).toBe("CircuitOpen")
      }).pipe(Effect.provide(models(pair(one.url, two.url), { limits })))
    })
  )
})

it.live(
  "a rejected key, an address without a server, and a private address of the configuration are told apart",
  () =>
    Effect.gen(function* () {
      const { url } = yield* server(fails(401))
      const wrong = yield* Effect.provide(collect(), models(openai(url), once))
      expect(wrong.error).toMatchObject({ reason: "auth", status: 401 })
      const gone = yield* server(says(""))
      yield* Effect.promise(() => gone.stop())
      const nobody = yield* Effect.provide(collect(), models(local(gone.url), once))
      expect(nobody.error).toMatchObject({ reason: "network", sent: false })
      const metadata = yield* Effect.provide(collect(), models(local("http://169.254.169.254/v1"), once))
      expect(metadata.error).toMatchObject({ reason: "network", sent: false })
    })
)

it.live("32 streams at once are all complete", () =>
  Effect.gen(function* () {
    const { url } = yield* server(says("hello"))
    yield* Effect.gen(function* () {
      const stream = (yield* Models).stream({ prompt: "hi" })
      const all = yield* Effect.forEach(Array.from({ length: 32 }), () => Stream.runCollect(stream), {
        concurrency: "unbounded"
      })
      expect(all.map((parts) => parts.at(-1)?.type)).toEqual(Array.from({ length: 32 }, () => "finish"))
    }).pipe(Effect.provide(models(local(url))))
  })
)
