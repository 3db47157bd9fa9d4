/** Usage of the real service with the protocol of a real provider: reports, live events, metrics and access. */
import { describe, expect } from "bun:test"
import { mkdir } from "node:fs/promises"
import { join } from "node:path"
import { Effect } from "effect"
import { Storage } from "../../layers/storage/Storage.ts"
import { it } from "../support/effect.ts"
import { server } from "../support/models.ts"
import { linesOf } from "../support/ndjson.ts"
import { endpoint, events, post, readJson, service, stateless } from "../support/service.ts"
import { webSocket } from "../support/webSocket.ts"

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
            { limit: "daily", spent_usd: "0.06", projected_usd: expect.not.stringMatching(/^0(\.06)?$/) },
            // Projected by the burn rate of the admin, not by that of all principals.
            { limit: "principal_daily", spent_usd: "0", projected_usd: "0" }
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

  it.live("names no place of the database if that cannot be read", () =>
    Effect.gen(function* () {
      const running = yield* withModel({})
      yield* Effect.gen(function* () {
        const { dir } = yield* Storage
        yield* Effect.promise(() => mkdir(join(dir, "manifold.db"), { recursive: true }))
        const { body, headers } = stateless(1, "resources/read", { uri: "usage://summary" })
        const read = yield* post(yield* endpoint, body, {
          ...headers,
          "mcp-name": "usage://summary",
          ...bearer("alice")
        })
        const text = yield* Effect.promise(() => read.text())
        expect(text).toContain(
          "usage cannot be read: the database cannot be reached, the log says what to do"
        )
        expect(text).not.toContain(dir)
        const response = yield* get("/usage", "alice")
        expect(response.status).toBe(503)
        expect(yield* Effect.promise(() => response.text())).not.toContain(dir)
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

type Next = Effect.Effect<Readonly<Record<string, unknown>>>

/** Reads until `dataOf` finds the data of a `usage` event. */
const find = <A>(next: Effect.Effect<A>, dataOf: (event: A) => unknown): Next =>
  Effect.map(
    Effect.repeat(Effect.map(next, dataOf), { until: (data) => data !== undefined }),
    (data) => data as Readonly<Record<string, unknown>>
  )

const openStream = Effect.fnUntraced(function* (path: string, name: string) {
  const signal = yield* Effect.abortSignal
  const url = new URL(path, yield* endpoint)
  return yield* Effect.promise(() => fetch(url, { headers: bearer(name), signal }))
})

/** The `usage` events that a principal gets, by the way that they take. */
const ways = {
  "/mcp/sse": Effect.fnUntraced(function* (name: string) {
    const stream = events(yield* openStream("/mcp/sse?client_id=usage-monitor", name))
    const next = Effect.promise(async () => {
      const { done, value } = await stream.next()
      if (done) throw new Error("the stream ended")
      return value
    })
    return { next: find(next, ({ data, event }) => (event === "usage" ? JSON.parse(data) : undefined)) }
  }),
  "/mcp/ws": Effect.fnUntraced(function* (name: string) {
    const url = new URL("/mcp/ws", yield* endpoint)
    url.protocol = "ws:"
    const { next, send } = yield* webSocket(url, { headers: bearer(name) })
    yield* send({ type: "subscribe", channels: ["usage"] })
    expect(yield* next).toEqual({ type: "subscribed", channels: ["usage"] })
    const found = find(next, (message) => {
      if (message === undefined) throw new Error("the socket was closed")
      return message["channel"] === "usage" ? message["data"] : undefined
    })
    return { next: found }
  }),
  "/stream": Effect.fnUntraced(function* (name: string) {
    const next = linesOf(yield* openStream("/stream?channels=usage", name))
    expect(yield* next).toMatchObject({ channel: "ready" })
    const found = find(next, (line) => {
      if (line === undefined) throw new Error("the stream ended")
      const { channel, data } = line as { readonly channel: string; readonly data: unknown }
      return channel === "usage" ? data : undefined
    })
    return { next: found }
  })
}

describe("the channel usage", () => {
  it.live("has the usage of its principal soon after a call, and of all principals for an admin", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ refresh_interval: "1 hour" })
      yield* Effect.gen(function* () {
        const viewers = yield* Effect.forEach(Object.values(ways), (viewer) =>
          Effect.all({ alice: viewer("alice"), bob: viewer("bob"), root: viewer("root") })
        )
        yield* ask("alice")
        for (const { alice, bob, root } of viewers) {
          expect(yield* alice.next).toMatchObject({
            scope: "own",
            totals: { day: { calls: 1, cost_usd: "0.02" } }
          })
          expect(yield* bob.next).toMatchObject({ scope: "own", totals: { day: { calls: 0 } } })
          expect(yield* root.next).toMatchObject({ scope: "all", totals: { day: { calls: 1 } } })
        }
      }).pipe(Effect.provide(running))
    })
  )

  it.live("has an event at the configured interval without any call", () =>
    Effect.gen(function* () {
      const running = yield* withModel({ refresh_interval: 1 })
      yield* Effect.gen(function* () {
        const viewers = yield* Effect.forEach(Object.values(ways), (viewer) => viewer("alice"))
        for (const { next } of viewers) {
          expect(yield* next).toMatchObject({ totals: { day: { calls: 0 } } })
        }
      }).pipe(Effect.provide(running))
    })
  )
})
