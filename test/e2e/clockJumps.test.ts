/** A service whose wall clock is set forward and back by hours: expiry follows it, durations do not. */
import { expect } from "bun:test"
import { Effect, Fiber, Schedule } from "effect"
import { stateFolder } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { chunk, done, events, local, server, usage } from "../support/models.ts"
import { openSession, post, readJson, request, stateless } from "../support/service.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { clockEnvironment } from "../support/state/stateService.ts"
import { manifold } from "../support/stdio.ts"

const admin = "a".repeat(40)
const hour = 3_600_000

/** A model that answers at once, or when `finish` is called. */
const model = Effect.gen(function* () {
  const held: Array<() => void> = []
  const { url } = yield* server(async (asked) => {
    const isHeld = JSON.stringify(await asked.json()).includes("wait for it")
    if (isHeld) await new Promise<void>((resolve) => held.push(resolve))
    return events([chunk({ content: "Hello" }), chunk({}, { finish: "stop" }), usage(1000, 500), done])
  })
  return { url, held, finish: Effect.sync(() => held.splice(0).forEach((resume) => resume())) }
})

/** A service, and the clock of its processes. */
const serving = Effect.fnUntraced(function* (store: "jsonl" | "sql") {
  const dir = yield* stateFolder
  const { env, set } = clockEnvironment(dir)
  const { finish, held, url: modelUrl } = yield* model
  const config = {
    storage: { dir },
    auth: { tokens: [{ name: "admin", token: admin, scopes: ["read", "call", "admin"] }] },
    llm: local(modelUrl, { max_tokens: 1000 }),
    prices: { models: { "local/m": [{ input: 10, output: 20 }] } },
    usage: { cost_daily_max: 100, cost_total_max: 100 },
    limits: { tools: { "math.add": { rate: { calls: 1, window: "1 minute" } } } },
    chat: {
      service: {
        streaming: { enabled: true },
        context: { max_tokens: 10_000, reserve_tokens: 1000, preserve_recent: 4 },
        max_tool_hops: 0
      },
      store
    }
  }
  const run = (...args: ReadonlyArray<string>) =>
    manifold(args, { env: { ...env, MCP_CONFIG_JSON: JSON.stringify(config) } })
  const created = yield* run(
    "token",
    "create",
    "ci",
    "--scopes",
    "read,call",
    "--expires",
    "1 hour",
    "--json"
  )
  const { token } = JSON.parse(created.stdout) as { readonly token: string }
  const { child, url } = yield* servingProcess({ config, env })
  const bearer = (of: string) => ({ authorization: `Bearer ${of}`, "content-type": "application/json" })
  const send = (path: string, of = admin, body?: object) =>
    Effect.promise(async () => {
      const response = await fetch(new URL(path, url), {
        headers: bearer(of),
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) })
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    })
  /** Sets the clock of the process, and waits until it uses it. */
  const jump = Effect.fnUntraced(function* (shift: number) {
    set(shift)
    child.kill("SIGUSR2")
    const isSet = ({ body }: { readonly body: Record<string, unknown> }) =>
      Math.abs(Date.parse(String(body["timestamp"])) - (Date.now() + shift)) < hour / 2
    return yield* Effect.repeat(send("/health"), { until: isSet, schedule: Schedule.spaced("20 millis") })
  })
  const call = Effect.fnUntraced(function* (name: string, args: object) {
    const { body, headers } = stateless(1, "tools/call", { name, arguments: args })
    return yield* readJson(yield* post(url, body, { ...headers, authorization: `Bearer ${admin}` }))
  })
  const spent = Effect.map(send("/usage?scope=all"), ({ body }) => {
    const limits = body["limits"] as ReadonlyArray<{ readonly limit: string; readonly spent_usd: string }>
    return Object.fromEntries(limits.map(({ limit, spent_usd }) => [limit, spent_usd]))
  })
  return { admin, call, finish, held, jump, run, send, spent, token, url }
})

for (const store of ["jsonl", "sql"] as const) {
  it.live(`tokens expire by the clock; turns in ${store}, sessions and limits go on`, () =>
    Effect.gen(function* () {
      const { call, finish, held, jump, run, send, spent, token, url } = yield* serving(store)
      const session = yield* openSession(url, "2025-11-25", { authorization: `Bearer ${admin}` })
      const isOpen = Effect.map(post(url, request(2, "ping"), session), ({ status }) => status === 200)
      const chat = (id: string, text: string) => send("/chat", admin, { text, conversation_id: id })
      const add = call("math.add", { a: 1, b: 2 })
      const retryAfter = Effect.map(add, ({ error }) =>
        Number(
          (error as { readonly data?: { readonly retry_after_ms?: number } } | undefined)?.data
            ?.retry_after_ms
        )
      )
      expect((yield* send("/info", token)).status).toBe(200)
      expect(yield* chat("one", "Hi")).toMatchObject({ status: 200, body: { status: "complete" } })
      yield* add
      const during = yield* Effect.forkChild(chat("two", "wait for it"))
      yield* Effect.repeat(
        Effect.sync(() => held.length),
        { until: (count) => count === 1, schedule: Schedule.spaced("20 millis") }
      )

      for (const shift of [2 * hour, -2 * hour]) {
        const health = yield* jump(shift)
        expect(health).toMatchObject({ status: 200, body: { status: "healthy" } })
        const uptime = Number(health.body["uptime_ms"])
        expect([uptime >= 0, uptime < hour / 2]).toEqual([true, true])
        // The verdict about an expired token is cached for half a second.
        const status = shift > 0 ? 401 : 200
        yield* Effect.repeat(send("/info", token), {
          until: (answer) => answer.status === status,
          schedule: Schedule.spaced("20 millis")
        }).pipe(Effect.timeout("10 seconds"))
        expect(yield* isOpen).toBe(true)
        const wait = yield* retryAfter
        expect([wait > 0, wait <= 60_000]).toEqual([true, true])
        expect(yield* chat("one", `At ${shift}`)).toMatchObject({ status: 200, body: { status: "complete" } })
        expect((yield* send("/chat/two")).body).toMatchObject({ running: {} })
      }
      yield* finish
      const { body } = yield* Fiber.join(during)
      expect(body).toMatchObject({ status: "complete", text: "Hello" })

      // Spent at both times, and after the clock is right again.
      yield* jump(0)
      yield* chat("one", "Now")
      expect(yield* spent).toMatchObject({ total: "0.1" })
      const { events: seen } = (yield* send("/chat/one?limit=100")).body as {
        readonly events: ReadonlyArray<{ readonly seq: number }>
      }
      // In the order in which they were written. Parts of complete messages are gone.
      const order = seen.map(({ seq }) => seq)
      expect(order).toEqual(order.toSorted((one, other) => one - other))
      expect((yield* send("/chat")).body).toMatchObject({ conversations: [{}, {}] })
      expect((yield* run("audit", "verify")).stdout).toContain("is intact")
    })
  )
}
