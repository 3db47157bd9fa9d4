/** Usage of the real service with the protocol of a real provider: reports, live events, metrics and access. */
import { describe, expect } from "bun:test"
import { Effect } from "effect"
import { it } from "../support/effect.ts"
import { server } from "../support/models.ts"
import { endpoint, events, post, readJson, service, stateless } from "../support/service.ts"

const secret = (name: string) => `${name}-0123456789abcdef0123456789abcdef`
const bearer = (name: string) => ({ authorization: `Bearer ${secret(name)}` })

const completion = (usage: Record<string, number>) =>
  [
    { choices: [{ index: 0, delta: { role: "assistant", content: "Hello" } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] },
    { choices: [], usage }
  ]
    .map(
      (chunk) =>
        `data: ${JSON.stringify({ id: "1", object: "chat.completion.chunk", created: 1, model: "large", ...chunk })}\n\n`
    )
    .join("") + "data: [DONE]\n\n"

/** A service whose model costs 10 USD for a million input tokens and 20 USD for a million output tokens. */
const withModel = Effect.fnUntraced(function* (usage: Record<string, unknown>) {
  const provider = yield* server(
    () =>
      new Response(completion({ prompt_tokens: 1000, completion_tokens: 500, total_tokens: 1500 }), {
        headers: { "content-type": "text/event-stream" }
      })
  )
  return service({
    auth: {
      tokens: [
        { name: "alice", token: secret("alice"), scopes: ["read", "call"] },
        { name: "bob", token: secret("bob"), scopes: ["read", "call"] },
        { name: "root", token: secret("root"), scopes: ["read", "call", "admin"] },
        { name: "mute", token: secret("mute"), scopes: ["call"] }
      ]
    },
    llm: { active: "acme", providers: { acme: { base_url: provider.url, model: "large", max_tokens: 500 } } },
    prices: { models: { "acme/large": [{ input: 10, output: 20 }] } },
    usage
  })
})

const ask = Effect.fnUntraced(function* (name: string) {
  const { body, headers } = stateless(1, "tools/call", {
    name: "ask-model",
    arguments: { query: "Say hello.", max_tokens: 500 }
  })
  return yield* readJson(yield* post(yield* endpoint, body, { ...headers, ...bearer(name) }))
})

const get = Effect.fnUntraced(function* (path: string, name: string) {
  const url = new URL(path, yield* endpoint)
  return yield* Effect.promise(() => fetch(url, { headers: bearer(name) }))
})

const usageOf = Effect.fnUntraced(function* (name: string, query = "") {
  return yield* readJson(yield* get(`/usage${query}`, name))
})

describe("the usage report", () => {
  it.live("shows a principal its own usage and an admin all principals", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ cost_daily_max: 1, principal: { cost_daily_max: 0.5 } })
      yield* Effect.gen(function* () {
        expect(yield* ask("alice")).toMatchObject({ result: { structuredContent: { cost_usd: "0.02" } } })
        yield* ask("alice")
        yield* ask("bob")
        const own = yield* usageOf("alice")
        expect(own).toMatchObject({
          scope: "own",
          principal: "alice",
          totals: {
            day: {
              calls: 2,
              cost_usd: "0.04",
              usage: { input_tokens: 2000, output_tokens: 1000, total_tokens: 3000 }
            }
          },
          burn_rate: { usd_per_hour: "0.16" },
          limits: [
            {
              limit: "principal_daily",
              max_usd: "0.5",
              spent_usd: "0.04",
              held_usd: "0",
              remaining_usd: "0.46"
            }
          ],
          holds: [],
          models: [{ provider: "acme", model: "large", calls: 2 }],
          tools: [{ tool: "ask-model", calls: 2 }],
          principals: [{ principal: "alice" }]
        })
        expect(yield* usageOf("root")).toMatchObject({
          scope: "all",
          totals: { day: { calls: 3, cost_usd: "0.06" } },
          limits: [
            { limit: "daily", spent_usd: "0.06" },
            { limit: "principal_daily", spent_usd: "0" }
          ],
          principals: [
            { principal: "alice", cost_usd: "0.04" },
            { principal: "bob", cost_usd: "0.02" }
          ]
        })
        expect(yield* usageOf("root", "?scope=own&window=month")).toMatchObject({
          totals: { month: { calls: 0 } }
        })
        for (const [path, name, status] of [
          ["/usage?scope=all", "alice", 403],
          ["/usage", "mute", 403],
          ["/usage?window=year", "alice", 400],
          ["/usage?scope=mine", "alice", 400]
        ] as const) {
          expect((yield* get(path, name)).status).toBe(status)
        }
      }).pipe(Effect.provide(running))
    })
  )

  it.live("does not count a call beyond the budget, which is rejected with the end of its window", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ cost_daily_max: 0.045 })
      yield* Effect.gen(function* () {
        yield* ask("alice")
        yield* ask("alice")
        const refused = yield* ask("alice")
        expect(JSON.stringify(refused)).toContain("daily")
        expect(yield* usageOf("root")).toMatchObject({
          totals: { day: { calls: 2, cost_usd: "0.04" } },
          holds: []
        })
        const text = yield* Effect.flatMap(get("/metrics", "root"), (response) =>
          Effect.promise(() => response.text())
        ).pipe(Effect.repeat({ until: (found) => found.includes('spent_usd{limit="daily"} 0.04') }))
        expect(text).toContain('manifold_budget_spent_usd{limit="daily"} 0.04')
        expect(text).toContain('manifold_budget_max_usd{limit="daily"} 0.045')
        expect(text).toContain('manifold_tokens_total{provider="acme",model="large",type="input"} 2000')
      }).pipe(Effect.provide(running))
    })
  )

  it.live("is also a resource", () =>
    Effect.gen(function* () {
      const running = yield* withModel({})
      yield* Effect.gen(function* () {
        yield* ask("alice")
        const { body, headers } = stateless(1, "resources/read", { uri: "usage://summary" })
        const read = (name: string) =>
          Effect.flatMap(endpoint, (url) =>
            Effect.flatMap(
              post(url, body, { ...headers, "mcp-name": "usage://summary", ...bearer(name) }),
              readJson
            )
          )
        const textOf = (response: Record<string, unknown>) =>
          JSON.parse(
            (response as { result: { contents: [{ text: string }] } }).result.contents[0].text
          ) as unknown
        expect(textOf(yield* read("alice"))).toMatchObject({ scope: "own", totals: { day: { calls: 1 } } })
        expect(textOf(yield* read("bob"))).toMatchObject({ scope: "own", totals: { day: { calls: 0 } } })
        expect(textOf(yield* read("root"))).toMatchObject({
          scope: "all",
          totals: { day: { calls: 1 } }
        })
      }).pipe(Effect.provide(running))
    })
  )
})

/** A client that can disconnect. */
const connection = () => new AbortController()

describe("the channel usage", () => {
  const usageEvents = Effect.fnUntraced(function* (name: string) {
    const leave = connection()
    yield* Effect.addFinalizer(() => Effect.sync(() => leave.abort()))
    const url = new URL("/mcp/sse?client_id=usage-monitor", yield* endpoint)
    const response = yield* Effect.promise(() => fetch(url, { headers: bearer(name), signal: leave.signal }))
    const stream = events(response)
    const next = Effect.promise(async () => {
      for (;;) {
        const { done, value } = await stream.next()
        if (done) throw new Error("the stream ended")
        if (value.event === "usage") return JSON.parse(value.data) as Record<string, unknown>
      }
    })
    return { next }
  })

  it.live("has the usage of its principal soon after a call, and of all principals for an admin", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ refresh_interval: "1 hour" })
      yield* Effect.gen(function* () {
        const [alice, bob, root] = [
          yield* usageEvents("alice"),
          yield* usageEvents("bob"),
          yield* usageEvents("root")
        ]
        yield* ask("alice")
        expect(yield* alice.next).toMatchObject({
          scope: "own",
          totals: { day: { calls: 1, cost_usd: "0.02" } }
        })
        expect(yield* bob.next).toMatchObject({ scope: "own", totals: { day: { calls: 0 } } })
        expect(yield* root.next).toMatchObject({ scope: "all", totals: { day: { calls: 1 } } })
      }).pipe(Effect.provide(running))
    })
  )

  it.live("has an event at the configured interval without any call", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ refresh_interval: 1 })
      yield* Effect.gen(function* () {
        expect(yield* (yield* usageEvents("alice")).next).toMatchObject({ totals: { day: { calls: 0 } } })
      }).pipe(Effect.provide(running))
    })
  )
})
