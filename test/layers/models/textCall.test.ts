/** One answer of a model: its parts, its charge, and what happens when the provider misbehaves. */
import { describe, expect } from "bun:test"
import { BigDecimal, Deferred, Effect, Fiber, Stream } from "effect"
import { Models } from "../../../layers/models/Models.ts"
import { fixedBudget } from "../../support/budget.ts"
import { it } from "../../support/effect.ts"
import {
  aimock,
  chunk,
  collect,
  cutting,
  done,
  events,
  finished,
  local,
  models,
  openai,
  server,
  usage
} from "../../support/models.ts"

const complete = [
  chunk({ content: "Hello" }),
  chunk({ content: " world" }, { finish: "stop" }),
  usage(9, 2),
  done
]

/** A server that sends each of these responses in turn, the last one from then on. */
const inTurn = (...answers: ReadonlyArray<() => Response>) => {
  let count = 0
  return server(
    () => answers[Math.min(count++, answers.length - 1)]?.() ?? new Response(null, { status: 500 })
  )
}

const failure =
  (status: number, error: object, headers: Record<string, string> = {}) =>
  () =>
    Response.json({ error }, { status, headers })

describe("an answer", () => {
  it.live("streams in parts, and ends with its usage, its cost and the model that made it", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => events(complete))
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const { finish, parts, text } = yield* collect({ maxTokens: 100, temperature: 0.5, topP: 0.9 })
        expect(text).toBe("Hello world")
        expect(parts.map(({ type }) => type)).toEqual([
          "response-metadata",
          "text-start",
          "text-delta",
          "text-delta",
          "text-end",
          "finish"
        ])
        // gpt-4o: 2.50 USD per million input tokens, 10 USD per million output tokens.
        expect(finish).toMatchObject({
          reason: "stop",
          usage: { inputTokens: { total: 9 }, outputTokens: { total: 2 } },
          metadata: {
            manifold: {
              provider: "openai",
              model: "gpt-4o-2024-08-06",
              cost_usd: "0.0000425",
              uncertain: false
            }
          }
        })
        expect(ended.map(({ call, outcome }) => [call.kind, call.name, outcome.status])).toEqual([
          ["model", "gpt-4o", "succeeded"]
        ])
        const { spent } = ended[0]?.outcome ?? {}
        expect(spent).toMatchObject({
          provider: "openai",
          model: "gpt-4o-2024-08-06",
          usage: { input_tokens: 9, output_tokens: 2, total_tokens: 11 }
        })
        expect(spent?.uncertain).toBeUndefined()
        expect(spent?.timeToFirstToken).toBeGreaterThan(0)
      }).pipe(Effect.provide(models(openai(url))))
      const [request] = requests
      expect(request?.headers.get("authorization")).toBe("Bearer sk-test-key")
      expect(request?.body).toMatchObject({
        model: "gpt-4o",
        max_completion_tokens: 100,
        temperature: 0.5,
        top_p: 0.9,
        stream: true,
        messages: [{ role: "user", content: "hello" }]
      })
    })
  )

  it.live("comes from aimock as well, and its journal has one request", () =>
    Effect.gen(function* () {
      const mock = yield* aimock({ match: {}, response: { content: "A streaming answer." } })
      const { text } = yield* Effect.provide(collect(), models(openai(`${mock.url}/v1`)))
      expect(text).toBe("A streaming answer.")
      expect(mock.getRequests().filter(({ method }) => method === "POST")).toHaveLength(1)
    })
  )

  it.live("sends no authorization to a server without a key, and the configured headers to every one", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => events(complete))
      yield* Effect.provide(collect(), models(local(url, { headers: { "x-team": "blue" } })))
      expect(requests[0]?.headers.get("authorization")).toBeNull()
      expect(requests[0]?.headers.get("x-team")).toBe("blue")
      // The server's own limit applies where nothing else is configured.
      expect(requests[0]?.body).not.toHaveProperty("max_tokens")
    })
  )

  it.live("has parallel tool calls with their arguments, and reasoning apart from the text", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() =>
        events([
          chunk({ reasoning_content: "Hm. " }),
          chunk({ content: "Looking." }),
          chunk({
            tool_calls: [{ index: 0, id: "a", function: { name: "weather", arguments: '{"city":' } }]
          }),
          chunk({
            tool_calls: [{ index: 1, id: "b", function: { name: "weather", arguments: '{"city":"Lisbon"}' } }]
          }),
          chunk({ tool_calls: [{ index: 0, function: { arguments: '"Paris"}' } }] }),
          chunk({}, { finish: "tool_calls" }),
          done
        ])
      )
      const { finish, parts } = yield* Effect.provide(collect(), models(local(url)))
      expect(parts.filter(({ type }) => type === "tool-call")).toMatchObject([
        { id: "a", name: "weather", params: { city: "Paris" } },
        { id: "b", name: "weather", params: { city: "Lisbon" } }
      ])
      expect(parts.find(({ type }) => type === "reasoning-delta")).toMatchObject({ delta: "Hm. " })
      expect(finish).toMatchObject({ reason: "tool-calls" })
    })
  )
})

describe("usage", () => {
  const spentOf = (answer: ReadonlyArray<object | string>) =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events(answer))
      return yield* Effect.gen(function* () {
        const ended = yield* finished
        yield* collect()
        return ended[0]?.outcome.spent
      }).pipe(Effect.provide(models(openai(url))))
    })

  it.live("that is sent twice counts once", () =>
    Effect.gen(function* () {
      const spent = yield* spentOf([
        chunk({ content: "Hi" }, { usage: { prompt_tokens: 9, completion_tokens: 1, total_tokens: 10 } }),
        chunk({}, { finish: "stop" }),
        usage(9, 2),
        usage(9, 2),
        done
      ])
      expect(spent?.usage).toMatchObject({ input_tokens: 9, output_tokens: 2, total_tokens: 11 })
    })
  )

  it.live("that is never sent is estimated, and the charge is uncertain", () =>
    Effect.gen(function* () {
      const spent = yield* spentOf([chunk({ content: "Hello there" }, { finish: "stop" }), done])
      expect(spent).toMatchObject({ uncertain: true, usage: { input_tokens: 10, output_tokens: 6 } })
      expect(BigDecimal.isPositive(spent?.usd ?? BigDecimal.fromBigInt(0n))).toBe(true)
    })
  )

  it.live("with more cached than input tokens is corrected, and the charge is uncertain", () =>
    Effect.gen(function* () {
      const spent = yield* spentOf([
        chunk({ content: "Hi" }, { finish: "stop" }),
        usage(10, 2, { prompt_tokens_details: { cached_tokens: 800 } }),
        done
      ])
      expect(spent).toMatchObject({ uncertain: true, usage: { input_tokens: 10, cached_input_tokens: 10 } })
    })
  )

  it.live("of zero tokens for a text is replaced by an estimate", () =>
    Effect.gen(function* () {
      const spent = yield* spentOf([chunk({ content: "Hello" }, { finish: "stop" }), usage(0, 0), done])
      expect(spent).toMatchObject({ uncertain: true, usage: { input_tokens: 10, output_tokens: 3 } })
    })
  )

  it.live("in x_groq counts where the usual field is absent", () =>
    Effect.gen(function* () {
      const last = {
        ...chunk({}, { finish: "stop" }),
        x_groq: { usage: { prompt_tokens: 7, completion_tokens: 3 } }
      }
      const spent = yield* spentOf([chunk({ content: "Hi" }), last, done])
      expect(spent?.usage).toMatchObject({ input_tokens: 7, output_tokens: 3 })
    })
  )

  it.live("of a model without a price is unpriced and never free", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events(complete))
      yield* Effect.gen(function* () {
        const ended = yield* finished
        const { finish } = yield* collect()
        expect(ended[0]?.outcome.spent).toMatchObject({ unpriced: true, usage: { input_tokens: 9 } })
        expect(finish).toMatchObject({ metadata: { manifold: { cost_usd: null } } })
      }).pipe(Effect.provide(models(local(url))))
    })
  )
})

describe("the budget", () => {
  it.live("holds an upper bound before the request, and gets back what was not spent", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events(complete))
      const budget = fixedBudget("1")
      yield* Effect.provide(collect({ maxTokens: 1000 }), models(openai(url), { budget: budget.layer }))
      expect(budget.asked).toHaveLength(2)
      const [hold = "", settled] = budget.asked
      const held = Number(hold.replace("hold ", ""))
      // The whole of max_tokens, and a little for the prompt.
      expect(held).toBeGreaterThanOrEqual(0.01)
      expect(held).toBeLessThan(0.011)
      expect(settled).toBe("settle 0.0000425")
    })
  )

  it.live("decides on a call whose model has no known price", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events(complete))
      const budget = fixedBudget("1")
      yield* Effect.provide(collect(), models(local(url), { budget: budget.layer }))
      expect(budget.asked).toEqual(["hold unpriced", "settle 0"])
    })
  )

  it.live("that is too small rejects the call before anything is sent", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => events(complete))
      const budget = fixedBudget("0.001")
      const { error } = yield* Effect.provide(collect(), models(openai(url), { budget: budget.layer }))
      expect(error?._tag).toBe("OverBudget")
      expect(requests).toEqual([])
    })
  )

  it.live("is not asked for a prompt that is too long", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(() => events(complete))
      const budget = fixedBudget("1")
      const long = collect({ prompt: "x".repeat(1024 * 1024) })
      const { error } = yield* Effect.provide(long, models(openai(url), { budget: budget.layer }))
      expect(error).toMatchObject({ _tag: "ModelError", reason: "context_too_long" })
      expect([...requests, ...budget.asked]).toEqual([])
    })
  )
})

describe("a stream that ends early", () => {
  const cases: Record<string, (() => Response) | "cut"> = {
    "without a finish reason": () => events([chunk({ content: "Half of " }), done]),
    "without a word": () => events([chunk({ content: "Half of " })]),
    "with a cut connection": "cut",
    "with an error event": () =>
      events([chunk({ content: "Half of " }), { error: { message: "overloaded", type: "server_error" } }])
  }
  for (const [name, answer] of Object.entries(cases)) {
    it.live(`${name} fails, is not repeated, and is charged with what arrived`, () =>
      Effect.gen(function* () {
        const { cut, requests, url } =
          answer === "cut"
            ? yield* cutting([chunk({ content: "Half of " })])
            : { cut: () => {}, ...(yield* server(answer)) }
        yield* Effect.gen(function* () {
          const ended = yield* finished
          const { error, text } = yield* collect({}, cut)
          expect(text).toBe("Half of ")
          expect(error).toMatchObject({ _tag: "ModelError", transient: { partial: true } })
          expect(requests).toHaveLength(1)
          expect(ended).toHaveLength(1)
          expect(ended[0]?.outcome).toMatchObject({
            status: "failed",
            spent: { uncertain: true, usage: { input_tokens: 10, output_tokens: 4 } }
          })
        }).pipe(Effect.provide(models(openai(url))))
      })
    )
  }

  it.live("by aimock's truncation is an error as well", () =>
    Effect.gen(function* () {
      const mock = yield* aimock({
        match: {},
        response: { content: "abcdefghijklmnopqrstuvwxyz ".repeat(20) },
        truncateAfterChunks: 3
      })
      const { error } = yield* Effect.provide(collect(), models(openai(`${mock.url}/v1`)))
      expect(error).toMatchObject({ _tag: "ModelError", reason: "network" })
    })
  )
})

describe("retries", () => {
  it.live(
    "are Guard's alone: a transient error before the first part is repeated up to limits.retry.attempts",
    () =>
      Effect.gen(function* () {
        const { requests, url } = yield* inTurn(
          failure(429, { message: "slow down", code: "rate_limit_exceeded" }),
          failure(503, { message: "no capacity" }),
          () => events(complete)
        )
        yield* Effect.gen(function* () {
          const ended = yield* finished
          const { text } = yield* collect()
          expect(text).toBe("Hello world")
          expect(ended).toHaveLength(1)
          expect(ended[0]?.outcome.spent).toMatchObject({ usage: { input_tokens: 9, output_tokens: 2 } })
        }).pipe(Effect.provide(models(openai(url))))
        expect(requests).toHaveLength(3)
      })
  )

  it.live("end with the provider's error and its retry-after", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* inTurn(failure(429, { message: "slow down" }, { "retry-after": "7" }))
      const { error } = yield* Effect.provide(collect(), models(openai(url)))
      expect(error).toMatchObject({ reason: "rate_limited", status: 429, transient: { retryAfter: 7000 } })
      // The pause would exceed limits.retry.max_delay.
      expect(requests).toHaveLength(1)
    })
  )
})

describe("a silent provider", () => {
  it.live("fails after first_token_timeout if no part arrives", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events([], "open"))
      const slow = local(url, { first_token_timeout: "50 millis" })
      const { error } = yield* Effect.provide(collect(), models(slow, { limits: { retry: { attempts: 1 } } }))
      expect(error).toMatchObject({ reason: "network", transient: {} })
      expect(error?.message).toContain("first_token_timeout")
    })
  )

  it.live("fails after idle_timeout if it stops in the middle", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events([chunk({ content: "Half" })], "open"))
      const { error, text } = yield* Effect.provide(
        collect(),
        models(local(url, { idle_timeout: "50 millis" }))
      )
      expect(text).toBe("Half")
      expect(error?.message).toContain("idle_timeout")
    })
  )

  it.live("is not one whose reader is slow", () =>
    Effect.gen(function* () {
      const parts = Array.from({ length: 600 }, () => chunk({ content: "x" }))
      const { url } = yield* server(() => events([...parts, chunk({}, { finish: "stop" }), done]))
      let read = 0
      yield* Effect.gen(function* () {
        const pause = yield* Effect.cached(Effect.sleep("150 millis"))
        yield* Stream.runForEach((yield* Models).stream({ prompt: "hi" }), (part) => {
          if (part.type === "text-delta") read++
          return pause
        })
      }).pipe(Effect.provide(models(local(url, { idle_timeout: "40 millis" }))))
      expect(read).toBe(600)
    })
  )

  it.live("ends with the call's time limit at the latest", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events([chunk({ content: "Half" })], "open"))
      const { error } = yield* Effect.provide(collect(), models(local(url, { time_limit: "60 millis" })))
      expect(error?._tag).toBe("TimedOut")
    })
  )
})

it.live("a reader who goes away closes the connection to the provider, and what arrived is charged", () =>
  Effect.gen(function* () {
    const closed = yield* Deferred.make<void>()
    const { url } = yield* server(() =>
      events([chunk({ content: "Once upon a time" })], "open", () => Deferred.doneUnsafe(closed, Effect.void))
    )
    yield* Effect.gen(function* () {
      const ended = yield* finished
      const begun = yield* Deferred.make<void>()
      const reading = yield* (yield* Models).stream({ prompt: "hello" }).pipe(
        Stream.runForEach((part) =>
          part.type === "text-delta" ? Deferred.succeed(begun, undefined) : Effect.void
        ),
        Effect.forkChild
      )
      yield* Deferred.await(begun)
      yield* Fiber.interrupt(reading)
      yield* Deferred.await(closed)
      expect(ended[0]?.outcome).toMatchObject({
        status: "interrupted",
        spent: { uncertain: true, usage: { output_tokens: 8 } }
      })
    }).pipe(Effect.provide(models(openai(url))))
  })
)

describe("an answer that does not follow the interface", () => {
  it.live("fails with `bug` for a page instead of events, as behind a wrong base_url", () =>
    Effect.gen(function* () {
      const { requests, url } = yield* server(
        () => new Response("<html>Welcome</html>", { headers: { "content-type": "text/html" } })
      )
      const { error } = yield* Effect.provide(collect(), models(local(url)))
      expect(error).toMatchObject({ _tag: "ModelError", reason: "bug" })
      expect(error?.message).toContain("base_url")
      expect(requests).toHaveLength(1)
    })
  )

  it.live("has tool arguments that are not JSON as the text that the model sent", () =>
    Effect.gen(function* () {
      const call = { index: 0, id: "a", function: { name: "weather", arguments: '{"city": ' } }
      const { url } = yield* server(() =>
        events([chunk({ tool_calls: [call] }), chunk({}, { finish: "tool_calls" }), done])
      )
      const { parts } = yield* Effect.provide(collect(), models(local(url)))
      const made = parts.find(({ type }) => type === "tool-call")
      expect(made).toMatchObject({ name: "weather", params: '{"city": ' })
    })
  )

  it.live("fails with `bug` for a chunk that is not JSON", () =>
    Effect.gen(function* () {
      const { url } = yield* server(() => events([chunk({ content: "Hi" }), "data: {oops\n\n"]))
      const { error } = yield* Effect.provide(collect(), models(local(url)))
      expect(error).toMatchObject({ _tag: "ModelError", reason: "bug" })
    })
  )
})
