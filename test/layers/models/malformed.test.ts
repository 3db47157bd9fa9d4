/** Responses with fields of a wrong type: they are tolerated, or fail once with `bug`, and are never retried. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { anthropic, block, event, start, stop, text } from "../../support/anthropicEvents.ts"
import { it } from "../../support/effect.ts"
import {
  chunk,
  collect,
  done,
  events,
  finished,
  models,
  openai,
  server,
  usage
} from "../../support/models.ts"

type Data = ReadonlyArray<object | string>

/** The response to one call, and the number of requests that it took. */
const respond = (data: Data, dialect: (url: string) => Record<string, unknown> = openai) =>
  Effect.gen(function* () {
    const { requests, url } = yield* server(() => events(data))
    return yield* Effect.gen(function* () {
      const ended = yield* finished
      const collected = yield* collect()
      return { ...collected, requests: requests.length, spent: ended[0]?.outcome.spent }
    }).pipe(Effect.provide(models(dialect(url))))
  })

const last = [chunk({}, { finish: "stop" }), usage(9, 2), done]
const said = chunk({ content: "Hi" })

describe("Chat Completions", () => {
  const tolerated: Readonly<Record<string, Data>> = {
    "a model that is a number": [{ ...said, model: 5 }],
    "an id that is a number": [{ ...said, id: 7 }],
    "a delta that is null": [said, { ...said, choices: [{ index: 0, delta: null }] }],
    "choices with null": [said, { ...said, choices: [null] }],
    "choices that are null": [said, { ...said, choices: null }],
    "choices that are an object": [said, { ...said, choices: {} }],
    "content that is a number": [said, chunk({ content: 5 })],
    "tool calls that are null": [said, chunk({ tool_calls: null })],
    "usage that is a text": [said, { ...said, choices: [], usage: "none" }],
    "reasoning that is an object": [said, chunk({ reasoning: { text: "hm" } })]
  }
  for (const [name, data] of Object.entries(tolerated)) {
    it.live(`tolerates ${name}`, () =>
      Effect.gen(function* () {
        const { error, requests, text: received } = yield* respond([...data, ...last])
        expect({ error, requests, received }).toEqual({ error: undefined, requests: 1, received: "Hi" })
      })
    )
  }

  const bugs: Readonly<Record<string, Data>> = {
    "a chunk that is null": ["data: null\n\n"],
    "a chunk that is a list": ["data: []\n\n"],
    "tool calls that are a text": [chunk({ tool_calls: "weather" })],
    "tool calls with null": [chunk({ tool_calls: [null] })],
    "a tool call without a function": [chunk({ tool_calls: [{ index: 0, id: "a" }] })],
    "a tool call whose name is a number": [
      chunk({ tool_calls: [{ index: 0, id: "a", function: { name: 5 } }] })
    ]
  }
  for (const [name, data] of Object.entries(bugs)) {
    it.live(`fails once with bug for ${name}`, () =>
      Effect.gen(function* () {
        const { error, requests } = yield* respond([...data, ...last])
        expect(error).toMatchObject({ _tag: "ModelError", reason: "bug" })
        expect(error).not.toHaveProperty("transient")
        expect(requests).toBe(1)
      })
    )
  }

  it.live("has the text and the reasoning of a list of parts", () =>
    Effect.gen(function* () {
      const thinking = [{ type: "thinking", thinking: [{ type: "text", text: "hm" }] }]
      const content = [{ type: "text", text: "H" }, { type: "text", text: "i" }, { type: "reference" }]
      const { parts, text: received } = yield* respond([
        chunk({ content: thinking }),
        chunk({ content }),
        ...last
      ])
      expect(received).toBe("Hi")
      expect(parts).toContainEqual(expect.objectContaining({ type: "reasoning-delta", delta: "hm" }))
    })
  )

  const codes: ReadonlyArray<readonly [unknown, string]> = [
    [429, "rate_limited"],
    [502, "overloaded"],
    ["400", "invalid"],
    [7, "bug"]
  ]
  for (const [code, reason] of codes) {
    it.live(`fails with ${reason} for an error in the stream with the code ${JSON.stringify(code)}`, () =>
      Effect.gen(function* () {
        const { error } = yield* respond([said, { error: { message: "no", code } }])
        expect(error).toMatchObject({ reason })
      })
    )
  }

  it.live("has the reason and the message of an error with status 200", () =>
    Effect.gen(function* () {
      const failed = (error: unknown) =>
        Effect.gen(function* () {
          const { requests, url } = yield* server(() => Response.json({ error }))
          const collected = yield* Effect.provide(collect(), models(openai(url)))
          expect(requests.length > 1).toBe(collected.error !== undefined && "transient" in collected.error)
          return collected.error
        })
      const credit = yield* failed({ message: "No credit", type: "billing_error" })
      expect(credit).toMatchObject({ reason: "quota", detail: "No credit" })
      expect(yield* failed({ message: "Later", code: 503 })).toMatchObject({ reason: "overloaded" })
      expect(yield* failed("Sorry")).toMatchObject({ reason: "bug", detail: "Sorry" })
    })
  )

  it.live("cuts the name of a model that no log should have", () =>
    Effect.gen(function* () {
      const { spent } = yield* respond([{ ...said, model: "m".repeat(10_000) }, ...last])
      expect(spent?.model).toBe("m".repeat(200))
    })
  )

  it.live("has the message of an error in a list", () =>
    Effect.gen(function* () {
      const body = [{ error: { code: 400, message: "Function call is missing a signature" } }]
      const { url } = yield* server(() => Response.json(body, { status: 400 }))
      const { error } = yield* Effect.provide(collect(), models(openai(url)))
      expect(error).toMatchObject({ reason: "invalid", detail: "Function call is missing a signature" })
    })
  )

  it.live("has the finish reason `other` for one that is the name of a method", () =>
    Effect.gen(function* () {
      const { finish } = yield* respond([said, chunk({}, { finish: "constructor" }), done])
      expect(finish).toMatchObject({ reason: "other" })
    })
  )

  const call = (index: number | undefined, id: unknown, args: unknown) =>
    chunk({
      tool_calls: [{ ...(index !== undefined && { index }), id, function: { name: "f", arguments: args } }]
    })
  const calls: Readonly<Record<string, Data>> = {
    "arguments that are an object": [call(0, "a", { x: 1 }), call(1, "b", { x: 2 })],
    "ids that are numbers": [call(0, 1, '{"x":1}'), call(1, 2, '{"x":2}')],
    "one index for all calls": [call(0, "a", '{"x":1}'), call(0, "b", '{"x":2}')],
    "one id for all calls": [call(0, "a", '{"x":1}'), call(1, "a", '{"x":2}')],
    "no index": [call(undefined, "a", '{"x":1}'), call(undefined, "b", '{"x":2}')],
    "no index, and arguments in pieces": [
      call(undefined, "a", '{"x":'),
      chunk({ tool_calls: [{ function: { arguments: "1}" } }] }),
      call(undefined, "b", '{"x":'),
      chunk({ tool_calls: [{ function: { arguments: "2}" } }] })
    ],
    "no ids": [call(0, null, '{"x":1}'), call(1, null, '{"x":2}')]
  }
  for (const [name, data] of Object.entries(calls)) {
    it.live(`separates parallel tool calls with ${name}`, () =>
      Effect.gen(function* () {
        const { parts } = yield* respond([...data, chunk({}, { finish: "tool_calls" }), done])
        const found = parts.flatMap((part) => (part.type === "tool-call" ? [part] : []))
        expect(found.map(({ params }) => params)).toEqual([{ x: 1 }, { x: 2 }])
        expect(new Set(found.map(({ id }) => id)).size).toBe(2)
      })
    )
  }
})

describe("Anthropic's Messages", () => {
  const ending = stop("end_turn", { output_tokens: 2 })
  const begun = start({ input_tokens: 9, output_tokens: 1 })

  const tolerated: Readonly<Record<string, Data>> = {
    "a message_start without a message": [event({ type: "message_start" }), ...text("Hi")],
    "a message_start whose message is null": [event({ type: "message_start", message: null }), ...text("Hi")],
    "a delta that is null": [
      begun,
      ...text("Hi"),
      event({ type: "content_block_delta", index: 0, delta: null })
    ],
    "a block that is null": [
      begun,
      event({ type: "content_block_start", index: 0, content_block: null }),
      ...text("Hi")
    ],
    "an unknown event": [begun, event({ type: "message_note", note: 5 }), ...text("Hi")],
    "an unknown block": [begun, ...block(0, { type: "hologram" }, { type: "hologram_delta" }), ...text("Hi")],
    "data that is null": [begun, "event: ping\ndata: null\n\n", ...text("Hi")]
  }
  for (const [name, data] of Object.entries(tolerated)) {
    it.live(`tolerates ${name}`, () =>
      Effect.gen(function* () {
        const { error, requests, text: received } = yield* respond([...data, ...ending], anthropic)
        expect({ error, requests, received }).toEqual({ error: undefined, requests: 1, received: "Hi" })
      })
    )
  }

  it.live("fails once with bug for a tool call without a name", () =>
    Effect.gen(function* () {
      const data = [begun, ...block(0, { type: "tool_use", id: 5, name: null }), ...ending]
      const { error, requests } = yield* respond(data, anthropic)
      expect(error).toMatchObject({ reason: "bug" })
      expect(requests).toBe(1)
    })
  )

  it.live("is not complete after an unknown last event", () =>
    Effect.gen(function* () {
      const [delta = ""] = ending
      const data = [begun, ...text("Hi"), delta, event({ type: "message_note" })]
      expect((yield* respond(data, anthropic)).error).toMatchObject({ reason: "network" })
    })
  )
})

describe("usage", () => {
  const cases: ReadonlyArray<readonly [string, object, object]> = [
    [
      "with texts instead of numbers is estimated",
      { prompt_tokens: "9", completion_tokens: "2" },
      { uncertain: true, usage: { input_tokens: 10, output_tokens: 2 } }
    ],
    ["that is empty is estimated", {}, { uncertain: true, usage: { input_tokens: 10, output_tokens: 2 } }],
    [
      "with negative numbers is estimated",
      { prompt_tokens: -9, completion_tokens: -2 },
      { uncertain: true, usage: { input_tokens: 10, output_tokens: 2 } }
    ],
    [
      "with absurd numbers is estimated",
      { prompt_tokens: 1e300, completion_tokens: 1e300 },
      { uncertain: true, usage: { input_tokens: 10, output_tokens: 2 } }
    ],
    [
      "with zero output of a text keeps its input",
      { prompt_tokens: 900, completion_tokens: 0, prompt_tokens_details: { cached_tokens: 800 } },
      { uncertain: true, usage: { input_tokens: 900, cached_input_tokens: 800, output_tokens: 2 } }
    ],
    [
      "with details that are no counts is uncertain",
      { prompt_tokens: 9, completion_tokens: 2, prompt_tokens_details: { cached_tokens: "many" } },
      { uncertain: true, usage: { input_tokens: 9, cached_input_tokens: 0, output_tokens: 2 } }
    ]
  ]
  for (const [name, reported, expected] of cases) {
    it.live(name, () =>
      Effect.gen(function* () {
        const end = chunk({}, { finish: "stop" })
        const { spent } = yield* respond([said, end, { ...end, choices: [], usage: reported }, done])
        expect(spent).toMatchObject(expected)
      })
    )
  }

  it.live("is not taken back by a later report of zeros", () =>
    Effect.gen(function* () {
      const { spent } = yield* respond([said, chunk({}, { finish: "stop" }), usage(9, 2), usage(0, 0), done])
      expect(spent?.usage).toMatchObject({ input_tokens: 9, output_tokens: 2 })
    })
  )

  it.live("of Anthropic is not taken back either, and a missing message_start leaves it uncertain", () =>
    Effect.gen(function* () {
      const zeros = { input_tokens: 0, output_tokens: 0 }
      const erased = [start({ input_tokens: 9, output_tokens: 2 }), ...text("Hi"), ...stop("end_turn", zeros)]
      const { spent } = yield* respond(erased, anthropic)
      expect(spent?.usage).toMatchObject({ input_tokens: 9, output_tokens: 2 })
      const headless = [...text("Hi"), ...stop("end_turn", { output_tokens: 2 })]
      expect((yield* respond(headless, anthropic)).spent).toMatchObject({
        uncertain: true,
        usage: { input_tokens: 10, output_tokens: 2 }
      })
    })
  )
})
