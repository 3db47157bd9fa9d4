/** Configured models as the `LanguageModel` of `effect/ai`: toolkits, structured output, and typed failures behind `AiError`. */
import { describe, expect } from "bun:test"
import { Effect, Layer, Schema, Stream } from "effect"
import * as AiError from "effect/ai/AiError"
import * as LanguageModel from "effect/ai/LanguageModel"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { languageModel } from "../../../layers/models/languageModel.ts"
import { failureOf } from "../../../layers/models/modelFailures.ts"
import { fixedBudget } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import { chunk, done, events, finished, models, openai, server, usage } from "../../support/models.ts"

const Weather = Tool.make("weather.now", {
  description: "Tell the weather.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const toolkit = Toolkit.make(Weather)
const tools = toolkit.toLayer({ "weather.now": ({ city }) => Effect.succeed(`sunny in ${city}`) })

const program = (...given: Parameters<typeof models>) =>
  Layer.merge(
    Layer.effect(LanguageModel.LanguageModel, languageModel()).pipe(Layer.provideMerge(models(...given))),
    tools
  )

const says = (text: string) => () => events([chunk({ content: text }, { finish: "stop" }), usage(9, 2), done])

describe("generateText", () => {
  it.live("returns text and usage, as one guarded call with one charge", () =>
    Effect.gen(function* () {
      const { url } = yield* server(says("Hello"))
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const response = yield* LanguageModel.generateText({ prompt: "hi" })
        expect(response.text).toBe("Hello")
        expect(response.finishReason).toBe("stop")
        expect(response.usage.inputTokens.total).toBe(9)
        expect(ended.map(({ call }) => call.kind)).toEqual(["model"])
      }).pipe(Effect.provide(program(openai(url))))
    })
  )

  it.live("runs tool calls of a toolkit under their own names, in parallel", () =>
    Effect.gen(function* () {
      const call = (index: number, city: string) => ({
        tool_calls: [
          { index, id: `c${index}`, function: { name: "weather_now", arguments: JSON.stringify({ city }) } }
        ]
      })
      const { requests, url } = yield* server(() =>
        events([chunk(call(0, "Paris")), chunk(call(1, "Lisbon")), chunk({}, { finish: "tool_calls" }), done])
      )
      const asked = LanguageModel.generateText({ prompt: "weather", toolkit })
      const response = yield* Effect.provide(asked, program(openai(url)))
      expect(response.toolResults.map(({ result }) => result)).toEqual(["sunny in Paris", "sunny in Lisbon"])
      expect(requests[0]?.body).toMatchObject({
        tools: [{ type: "function", function: { name: "weather_now", parameters: { required: ["city"] } } }]
      })
    })
  )
})

it.live("generateObject sends a strict schema and decodes the object", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(says('{"city":"Paris","degrees":21}'))
    const schema = Schema.Struct({ city: Schema.String, degrees: Schema.Finite })
    const asked = LanguageModel.generateObject({ prompt: "weather", schema, objectName: "weather" })
    const response = yield* Effect.provide(asked, program(openai(url)))
    expect(response.value).toEqual({ city: "Paris", degrees: 21 })
    expect(requests[0]?.body).toMatchObject({
      response_format: {
        type: "json_schema",
        json_schema: { name: "weather", strict: true, schema: { type: "object" } }
      }
    })
  })
)

it.live("streamText streams, and a broken stream fails with the provider's error behind AiError", () =>
  Effect.gen(function* () {
    const { url } = yield* server(() => events([chunk({ content: "Half" })]))
    const seen: Array<string> = []
    const read = LanguageModel.streamText({ prompt: "hi" }).pipe(
      Stream.runForEach((part) => Effect.sync(() => seen.push(part.type)))
    )
    const error = yield* Effect.provide(Effect.flip(read), program(openai(url)))
    expect(seen).toContain("text-delta")
    expect(error).toBeInstanceOf(AiError.AiError)
    expect(failureOf(error)).toMatchObject({ _tag: "ModelError", reason: "network" })
  })
)

it.live("a rate limit keeps its retry-after, and a budget keeps its own error", () =>
  Effect.gen(function* () {
    const { url } = yield* server(() =>
      Response.json({ error: { message: "slow down" } }, { status: 429, headers: { "retry-after": "9" } })
    )
    const ask = Effect.flip(LanguageModel.generateText({ prompt: "hi" }))
    const limited = yield* Effect.provide(ask, program(openai(url)))
    expect(limited.reason._tag).toBe("RateLimitError")
    expect(failureOf(limited)).toMatchObject({ transient: { retryAfter: 9000 } })
    const budget = fixedBudget("0.0001")
    const over = yield* Effect.provide(ask, program(openai(url), { budget: budget.layer }))
    expect(failureOf(over)?._tag).toBe("OverBudget")
  })
)
