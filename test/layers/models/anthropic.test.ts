/** Anthropic's Messages API: recorded streams with cache counters, tools and reasoning; and the prompt cache. */
import { describe, expect, spyOn } from "bun:test"
import { Effect } from "effect"
import * as Prompt from "effect/ai/Prompt"
import { it } from "../../support/effect.ts"
import { anthropic, block, event, start, stop, text } from "../../support/anthropicEvents.ts"
import { aimock, collect, events, finished, models, server } from "../../support/models.ts"

const cachedUsage = {
  input_tokens: 100,
  cache_read_input_tokens: 800,
  cache_creation_input_tokens: 50,
  output_tokens: 1
}

describe("a response", () => {
  it.live("has text, usage with all cache tokens as part of the input, and a cost", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() =>
        events([
          start(cachedUsage),
          event({ type: "ping" }),
          ...text("Hello", " world"),
          ...stop("end_turn", { output_tokens: 20 })
        ])
      )
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const { finish, text: said } = yield* collect()
        expect(said).toBe("Hello world")
        expect(finish).toMatchObject({ reason: "stop" })
        expect(ended[0]?.outcome.spent?.usage).toEqual({
          input_tokens: 950,
          output_tokens: 20,
          total_tokens: 970,
          cached_input_tokens: 800,
          cache_write_input_tokens: 50,
          reasoning_tokens: 0
        })
        // 3 USD per million input tokens, 0.30 read from and 3.75 written to the cache, 15 for output.
        expect(finish).toMatchObject({ metadata: { manifold: { cost_usd: "0.0010275", uncertain: false } } })
      }).pipe(Effect.provide(models(anthropic(url))))
      expect(requests[0]?.path).toBe("/v1/messages")
      expect(requests[0]?.headers.get("authorization")).toBe("Bearer sk-ant-test")
      // A single question is not written to the cache, which would cost more.
      expect(JSON.stringify(requests[0]?.body)).not.toContain("cache_control")
      expect(requests[0]?.body).toMatchObject({ max_tokens: 8192 })
    })
  )

  it.live("has reasoning with its signature, and parallel tool calls", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() =>
        events([
          start({ input_tokens: 10, output_tokens: 1 }),
          ...block(
            0,
            { type: "thinking", thinking: "", signature: "" },
            { type: "thinking_delta", thinking: "Two cities." },
            { type: "signature_delta", signature: "sig" }
          ),
          ...block(
            1,
            { type: "tool_use", id: "t1", name: "weather", input: {} },
            { type: "input_json_delta", partial_json: '{"city":' },
            { type: "input_json_delta", partial_json: '"Paris"}' }
          ),
          ...block(2, { type: "tool_use", id: "t2", name: "now", input: {} }),
          ...stop("tool_use", { output_tokens: 30 })
        ])
      )
      const { finish, parts } = yield* Effect.provide(collect(), models(anthropic(url)))
      expect(parts.find(({ type }) => type === "reasoning-end")).toMatchObject({
        metadata: { anthropic: { signature: "sig" } }
      })
      expect(parts.filter(({ type }) => type === "tool-call")).toMatchObject([
        { id: "t1", name: "weather", params: { city: "Paris" } },
        { id: "t2", name: "now", params: {} }
      ])
      expect(finish).toMatchObject({ reason: "tool-calls" })
    })
  )

  it.live("comes from aimock as well", () =>
    Effect.gen(function* () {
      const mock = yield* aimock({ match: {}, response: { content: "From aimock." } })
      const { text: said } = yield* Effect.provide(
        collect(),
        models(anthropic(mock.url, { model: "claude-3-5-sonnet-20241022" }))
      )
      expect(said).toBe("From aimock.")
    })
  )
})

it.live("a conversation is sent with its files and results, and marked for the prompt cache", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(() =>
      events([
        start({ input_tokens: 1, output_tokens: 1 }),
        ...text("ok"),
        ...stop("end_turn", { output_tokens: 1 })
      ])
    )
    const prompt = Prompt.make([
      { role: "system", content: "Be brief." },
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "file", mediaType: "image/png", data: new Uint8Array([1, 2, 3]) }
        ]
      },
      {
        role: "assistant",
        content: [
          { type: "tool-call", id: "t1", name: "image.look", params: { at: 1 }, providerExecuted: false }
        ]
      },
      {
        role: "tool",
        content: [{ type: "tool-result", id: "t1", name: "image.look", isFailure: false, result: "a cat" }]
      },
      { role: "user", content: [{ type: "text", text: "And now?" }] }
    ])
    yield* Effect.provide(collect({ prompt }), models(anthropic(url)))
    expect(requests[0]?.body).toMatchObject({
      system: [{ text: "Be brief.", cache_control: { type: "ephemeral" } }],
      messages: [
        {
          role: "user",
          content: [{ text: "What is this?" }, { type: "image", source: { type: "base64", data: "AQID" } }]
        },
        { role: "assistant", content: [{ type: "tool_use", name: "image_look", input: { at: 1 } }] },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "t1", content: "a cat" },
            { text: "And now?", cache_control: { type: "ephemeral" } }
          ]
        }
      ]
    })
  })
)

describe("a stream that breaks", () => {
  it.live("before its end is charged with the reported input and the received output", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events([start(cachedUsage), ...text("Half of it")]))
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const { error } = yield* collect()
        expect(error).toMatchObject({ reason: "network", transient: { partial: true } })
        expect(ended[0]?.outcome.spent).toMatchObject({
          uncertain: true,
          usage: { input_tokens: 950, cached_input_tokens: 800, output_tokens: 5 }
        })
      }).pipe(Effect.provide(models(anthropic(url))))
    })
  )

  it.live("with an error event fails with the reason of the event", () =>
    Effect.gen(function* () {
      const overloaded = event({ type: "error", error: { type: "overloaded_error", message: "Overloaded" } })
      const { url } = yield* server(() => events([start(cachedUsage), ...text("Half"), overloaded]))
      const { error } = yield* Effect.provide(collect(), models(anthropic(url)))
      expect(error).toMatchObject({ reason: "overloaded", transient: { partial: true } })
    })
  )
})

it.live("a temperature above the provider's maximum is rejected before the request", () =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(() => new Response())
    const { error } = yield* Effect.provide(collect({ temperature: 1.5 }), models(anthropic(url)))
    expect(error).toMatchObject({ _tag: "ModelError", reason: "invalid" })
    expect(requests).toEqual([])
  })
)

it.live("a deprecated model prints no warning of the SDK", () =>
  Effect.gen(function* () {
    const warn = yield* Effect.acquireRelease(
      Effect.sync(() => spyOn(console, "warn")),
      (spy) => Effect.sync(() => spy.mockRestore())
    )
    const { url } = yield* server(() =>
      events([
        start({ input_tokens: 1, output_tokens: 1 }),
        ...text("ok"),
        ...stop("end_turn", { output_tokens: 1 })
      ])
    )
    const { text: said } = yield* Effect.provide(
      collect({ model: "claude-sonnet-4-5" }),
      models(anthropic(url))
    )
    expect(said).toBe("ok")
    expect(warn).not.toHaveBeenCalled()
  })
)
