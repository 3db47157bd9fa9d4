/** Turns with tools: the parts of one response, made into a prompt again, reach both dialects with all that they need. */
import { describe, expect } from "bun:test"
import { Effect, Schema } from "effect"
import * as Prompt from "effect/ai/Prompt"
import * as Tool from "effect/ai/Tool"
import type { Part } from "../../../layers/models/Adapter.ts"
import { anthropic, block, event, start, stop, text } from "../../support/anthropicEvents.ts"
import { it } from "../../support/effect.ts"
import { chunk, collect, done, events, local, models, openai, server, usage } from "../../support/models.ts"

const weather = Tool.make("weather.now", {
  description: "Tell the weather.",
  parameters: Schema.Struct({ city: Schema.String }),
  success: Schema.String
})
const tools = [weather]

const image = (id: string): Prompt.ToolResultPartEncoded => ({
  type: "tool-result",
  id,
  name: "weather.now",
  isFailure: false,
  result: { ignored: true },
  modelOutput: [
    { type: "text", text: "a map" },
    { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) }
  ]
})
const failed = (id: string): Prompt.ToolResultPartEncoded => ({
  type: "tool-result",
  id,
  name: "weather.now",
  isFailure: true,
  result: "no such city"
})

/** The assistant's message of a response, as a chat keeps it. */
const assistantOf = (parts: ReadonlyArray<{ readonly type: string }>): Prompt.MessageEncoded => {
  const content: Array<Prompt.AssistantMessagePartEncoded> = []
  let said = ""
  for (const part of parts as ReadonlyArray<Part>) {
    if (part.type === "text-start" || part.type === "reasoning-start") said = ""
    else if (part.type === "text-delta" || part.type === "reasoning-delta") said += part.delta
    else if (part.type === "text-end") content.push({ type: "text", text: said })
    else if (part.type === "reasoning-end") {
      content.push({ type: "reasoning", text: said, ...(part.metadata && { options: part.metadata }) })
    } else if (part.type === "tool-call") {
      const { id, metadata, name, params } = part
      content.push({ type: "tool-call", id, name, params, ...(metadata && { options: metadata }) })
    }
  }
  return { role: "assistant", content }
}

const asked: ReadonlyArray<Prompt.MessageEncoded> = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "Weather?" }] }
]

/** Sends a prompt, and then the same with the response and the results of its two tool calls. */
const twoTurns = (first: () => Response, second: () => Response, configured: (url: string) => object) =>
  Effect.gen(function* () {
    let count = 0
    const { requests, url } = yield* server(() => (count++ === 0 ? first() : second()))
    return yield* Effect.gen(function* () {
      const turn = yield* collect({ prompt: Prompt.make([...asked]), tools })
      const results: Prompt.MessageEncoded = { role: "tool", content: [image("a"), failed("b")] }
      const more = [...asked, assistantOf(turn.parts), results]
      const next = yield* collect({ prompt: Prompt.make(more), tools })
      return {
        turn,
        next,
        bodies: requests.map(({ body }) => body as { readonly messages: ReadonlyArray<unknown> })
      }
    }).pipe(Effect.provide(models(configured(url) as never)))
  })

const toolCall = (index: number, id: string, city: string) => [
  chunk({ tool_calls: [{ index, id, function: { name: "weather_now", arguments: '{"city":' } }] }),
  chunk({ tool_calls: [{ index, function: { arguments: `"${city}"}` } }] })
]

describe("Chat Completions", () => {
  const first = () =>
    events([
      chunk({ reasoning_content: "Two cities." }),
      chunk({ content: "Looking." }),
      ...toolCall(0, "a", "Paris"),
      ...toolCall(1, "b", "Atlantis"),
      chunk({}, { finish: "tool_calls" }),
      usage(9, 20, { completion_tokens_details: { reasoning_tokens: 3 } }),
      done
    ])
  const second = () => events([chunk({ content: "Sunny." }, { finish: "stop" }), usage(40, 2), done])

  it.live("get tool calls, results, failures and images of results", () =>
    Effect.gen(function* () {
      const { bodies, next, turn } = yield* twoTurns(first, second, openai)
      expect(turn.finish).toMatchObject({
        reason: "tool-calls",
        usage: { inputTokens: { total: 9 }, outputTokens: { total: 20, reasoning: 3 } }
      })
      expect(next.text).toBe("Sunny.")
      const call = (id: string, city: string) => ({
        id,
        type: "function",
        function: { name: "weather_now", arguments: JSON.stringify({ city }) }
      })
      expect(bodies[1]?.messages).toEqual([
        { role: "system", content: "Be brief." },
        { role: "user", content: "Weather?" },
        {
          role: "assistant",
          content: "Looking.",
          tool_calls: [call("a", "Paris"), call("b", "Atlantis")],
          reasoning_content: "Two cities."
        },
        { role: "tool", tool_call_id: "a", content: "a map" },
        { role: "tool", tool_call_id: "b", content: "Error: no such city" },
        {
          role: "user",
          content: [
            { type: "text", text: "Files of tool result a:" },
            { type: "image_url", image_url: { url: "data:image/png;base64,AQID" } }
          ]
        }
      ])
    })
  )

  it.live("get no reasoning of another provider", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(second)
      const options = { openai: { provider: "other", field: "reasoning_content" } }
      const params = { city: "Paris" }
      const content: ReadonlyArray<Prompt.AssistantMessagePartEncoded> = [
        { type: "reasoning", text: "Hm.", options },
        { type: "tool-call", id: "a", name: "weather.now", params }
      ]
      const prompt = Prompt.make([...asked, { role: "assistant", content: [...content] }])
      yield* Effect.provide(collect({ prompt }), models(local(url)))
      expect(JSON.stringify(requests[0]?.body)).not.toContain("Hm.")
    })
  )
})

describe("Anthropic's Messages", () => {
  const use = (index: number, id: string, city: string) =>
    block(
      index,
      { type: "tool_use", id, name: "weather_now", input: {} },
      { type: "input_json_delta", partial_json: '{"city":' },
      { type: "input_json_delta", partial_json: `"${city}"}` }
    )
  const first = () =>
    events([
      start({ input_tokens: 9, output_tokens: 1 }),
      ...block(
        0,
        { type: "thinking", thinking: "", signature: "" },
        { type: "thinking_delta", thinking: "Two cities." },
        { type: "signature_delta", signature: "sig" }
      ),
      ...block(1, { type: "redacted_thinking", data: "secret" }),
      // Only a signature, as for reasoning that is not shown.
      ...block(2, { type: "thinking", thinking: "" }, { type: "signature_delta", signature: "hidden" }),
      ...text("Looking."),
      ...use(4, "a", "Paris"),
      // In the order of the response.
      ...text("And"),
      ...use(5, "b", "Atlantis"),
      ...stop("tool_use", { output_tokens: 20 })
    ])
  const second = () =>
    events([
      start({ input_tokens: 40, output_tokens: 1 }),
      event({ type: "ping" }),
      ...text("Sunny."),
      ...stop("end_turn", { output_tokens: 2 })
    ])

  it.live("get reasoning with its signatures, tool calls, results, failures and images of results", () =>
    Effect.gen(function* () {
      const { bodies, next, turn } = yield* twoTurns(first, second, anthropic)
      expect(turn.finish).toMatchObject({ reason: "tool-calls", usage: { outputTokens: { total: 20 } } })
      expect(next.text).toBe("Sunny.")
      const cache_control = { type: "ephemeral" }
      expect(bodies[1]).toMatchObject({
        system: [{ type: "text", text: "Be brief.", cache_control }],
        tools: [{ name: "weather_now", cache_control }]
      })
      expect(bodies[1]?.messages).toEqual([
        { role: "user", content: [{ type: "text", text: "Weather?", cache_control }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "Two cities.", signature: "sig" },
            { type: "redacted_thinking", data: "secret" },
            { type: "thinking", thinking: "", signature: "hidden" },
            { type: "text", text: "Looking." },
            { type: "tool_use", id: "a", name: "weather_now", input: { city: "Paris" } },
            { type: "text", text: "And" },
            { type: "tool_use", id: "b", name: "weather_now", input: { city: "Atlantis" } }
          ]
        },
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "a",
              content: [
                { type: "text", text: "a map" },
                { type: "image", source: { type: "base64", data: "AQID", media_type: "image/png" } }
              ]
            },
            { type: "tool_result", tool_use_id: "b", content: "no such city", is_error: true, cache_control }
          ]
        }
      ])
    })
  )
})

describe("a conversation that another provider began", () => {
  const long = `chatcmpl-tool-${"0".repeat(32)}`
  const foreign = Prompt.make([
    ...asked,
    { role: "assistant", content: [{ type: "reasoning", text: "Hm." }] },
    {
      role: "assistant",
      content: [
        { type: "tool-call", id: "functions.weather:0", name: "weather.now", params: {} },
        { type: "tool-call", id: long, name: "weather.now", params: {} }
      ]
    },
    { role: "tool", content: [failed("functions.weather:0"), failed(long)] }
  ])
  const idsOf = (configured: (url: string) => Record<string, unknown>, response: () => Response) =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(response)
      const { error } = yield* Effect.provide(collect({ prompt: foreign }), models(configured(url)))
      expect(error).toBeUndefined()
      const body = JSON.stringify(requests[0]?.body)
      return [...body.matchAll(/"(?:id|tool_call_id|tool_use_id)":"([^"]+)"/g)].map(([, id]) => id)
    })
  const said = () => events([chunk({ content: "ok" }, { finish: "stop" }), done])
  const spoken = () =>
    events([
      start({ input_tokens: 1, output_tokens: 1 }),
      ...text("ok"),
      ...stop("end_turn", { output_tokens: 1 })
    ])

  it.live("has ids that the provider accepts, the same for a call and its result", () =>
    Effect.gen(function* () {
      const [kept, replaced] = ["functions.weather:0", "replaced_1"]
      expect(yield* idsOf(anthropic, spoken)).toEqual([replaced, long, replaced, long])
      expect(yield* idsOf(openai, said)).toEqual([kept, replaced, kept, replaced])
      expect(yield* idsOf(local, said)).toEqual([kept, long, kept, long])
    })
  )

  it.live("has no message without text and calls", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(said)
      yield* Effect.provide(collect({ prompt: foreign }), models(local(url)))
      const body = requests[0]?.body as {
        readonly messages: ReadonlyArray<{ readonly role: string }>
      }
      expect(body.messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "tool", "tool"])
    })
  )
})

describe("Gemini's signatures of its reasoning", () => {
  it.live("return with their calls, and only to the server that sent them", () =>
    Effect.gen(function* () {
      const extra_content = { google: { thought_signature: "sig" } }
      const called = [
        chunk({
          tool_calls: [
            { index: 0, id: "a", extra_content, function: { name: "weather_now", arguments: "{}" } },
            { index: 1, id: "b", function: { name: "weather_now", arguments: "{}" } }
          ]
        }),
        chunk({}, { finish: "tool_calls" }),
        done
      ]
      const { requests, url } = yield* server(() => events(called))
      const turn = yield* Effect.provide(collect({ tools }), models(local(url)))
      const prompt = Prompt.make([...asked, assistantOf(turn.parts)])
      yield* Effect.provide(collect({ prompt, tools }), models(local(url)))
      yield* Effect.provide(collect({ prompt, tools }), models(openai(url)))
      const [, ...calls] = requests.map(
        ({ body }) => (body as { readonly messages: ReadonlyArray<unknown> }).messages.at(-1) as object
      )
      expect(calls[0]).toMatchObject({ tool_calls: [{ id: "a", extra_content }, { id: "b" }] })
      expect(JSON.stringify(calls[0]).match(/extra_content/g)).toHaveLength(1)
      expect(JSON.stringify(calls[1])).not.toContain("extra_content")
    })
  )
})

describe("a conversation that Anthropic would reject as it is", () => {
  const spoken = () =>
    events([
      start({ input_tokens: 1, output_tokens: 1 }),
      ...text("ok"),
      ...stop("end_turn", { output_tokens: 1 })
    ])
  const sent = (content: ReadonlyArray<Prompt.MessageEncoded>) =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(spoken)
      const { error } = yield* Effect.provide(
        collect({ prompt: Prompt.make([...content]) }),
        models(anthropic(url))
      )
      expect(error).toBeUndefined()
      return requests[0]?.body as Readonly<Record<string, unknown>> & {
        readonly messages: ReadonlyArray<{ readonly content: unknown }>
      }
    })
  const called = (
    params: unknown,
    results: Prompt.ToolResultPartEncoded
  ): ReadonlyArray<Prompt.MessageEncoded> => [
    ...asked,
    {
      role: "assistant",
      content: [
        { type: "text", text: "\n\n" },
        { type: "tool-call", id: "a", name: "weather.now", params }
      ]
    },
    { role: "tool", content: [results] }
  ]

  it.live("loses texts of whitespace only", () =>
    Effect.gen(function* () {
      const { messages, system } = yield* sent([
        { role: "system", content: " " },
        {
          role: "user",
          content: [
            { type: "text", text: "hi" },
            { type: "text", text: "\t" }
          ]
        },
        { role: "assistant", content: [{ type: "text", text: "\n" }] },
        { role: "user", content: [{ type: "text", text: "there?" }] }
      ])
      expect(system).toBeUndefined()
      expect(messages).toMatchObject([{ content: [{ text: "hi" }, { text: "there?" }] }])
      const [, assistant] = (yield* sent(called({}, failed("a")))).messages
      expect(assistant?.content).toMatchObject([{ type: "tool_use" }])
    })
  )

  it.live("has objects as arguments, and a text in each failure", () =>
    Effect.gen(function* () {
      const silent = { ...failed("a"), result: "" }
      const { messages } = yield* sent(called(["Paris"], silent))
      expect(messages[1]?.content).toMatchObject([{ input: { arguments: ["Paris"] } }])
      expect(messages[2]?.content).toMatchObject([{ is_error: true, content: "The tool gave no reason." }])
      const [, nothing] = (yield* sent(called(null, silent))).messages
      expect(nothing?.content).toMatchObject([{ input: {} }])
    })
  )

  it.live("defines the tools that were called, which the model may not call again", () =>
    Effect.gen(function* () {
      expect(yield* sent(called({}, failed("a")))).toMatchObject({
        tools: [{ name: "weather_now", input_schema: { type: "object" } }],
        tool_choice: { type: "none" }
      })
      expect(yield* sent(asked)).not.toHaveProperty("tools")
    })
  )
})
