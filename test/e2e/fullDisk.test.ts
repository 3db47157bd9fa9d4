/** A state folder on a full disk: errors say so, calls without state go on, and free space is used without a restart. */
import { expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { existsSync, readdirSync } from "node:fs"
import { script } from "../support/chat.ts"
import { local } from "../support/models.ts"
import { stateless } from "../support/service.ts"
import { itWithDisk, smallDisk } from "../support/smallDisk.ts"

const token = "t".repeat(40)

const often = Schedule.spaced("100 millis")

/** A service with a model and a budget, and requests to it. */
const serving = Effect.fnUntraced(function* (full: boolean) {
  const { url: model } = yield* script(["Hello"])
  const disk = yield* smallDisk(
    { size: "24m", full },
    {
      config: {
        auth: { tokens: [{ name: "ops", token, scopes: ["read", "call", "admin"] }] },
        llm: local(model, { max_tokens: 100 }),
        prices: { models: { "local/m": [{ input: 10, output: 20 }] } },
        usage: { cost_total_max: 100 }
      }
    }
  )
  const send = (path: string, body?: unknown, more: Readonly<Record<string, string>> = {}) =>
    Effect.promise(async () => {
      const response = await fetch(new URL(path, disk.url), {
        ...(body !== undefined && { method: "POST", body: JSON.stringify(body) }),
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...more }
      })
      return { status: response.status, text: await response.text() }
    })
  const call = (name: string, args: object) => {
    const { body, headers } = stateless(1, "tools/call", { name, arguments: args })
    return send("/mcp", body, { accept: "application/json, text/event-stream", ...headers })
  }
  const chat = (text: string) => send("/chat", { text, conversation_id: "c" })
  const health = send("/health")
  /** Waits until the service has noticed it. */
  const healthWith = (wanted: number) =>
    Effect.repeat(health, { until: ({ status }) => status === wanted, schedule: often })
  return { askModel: call("ask-model", { query: "Hi" }), call, chat, disk, healthWith, send }
})

itWithDisk("a full disk refuses what needs to be stored, and heals when space is free", () =>
  Effect.gen(function* () {
    const { askModel, call, chat, disk, healthWith, send } = yield* serving(false)
    expect((yield* chat("one")).status).toBe(200)
    expect((yield* askModel).text).toContain("Hello")
    yield* healthWith(200)

    yield* disk.fill
    const refused = yield* Effect.repeat(chat("word ".repeat(1000)), {
      until: ({ status }) => status !== 200
    })
    expect(refused).toMatchObject({ status: 503, text: expect.stringContaining("disk full") })
    const unpaid = yield* Effect.repeat(askModel, { until: ({ text }) => !text.includes("Hello") })
    expect(unpaid.text).toContain("no space is left for the database")
    const found = yield* healthWith(503)
    expect(found.text).toContain(`The disk of ${disk.dir} is full`)
    expect((yield* call("math.add", { a: 2, b: 3 })).text).toContain('"result":5')
    expect((yield* send("/health/live")).status).toBe(200)

    const { code, stderr } = yield* disk.run(["backup", `${disk.dir}/../saved`])
    expect([code, stderr]).toEqual([1, expect.stringContaining("disk full")])
    expect(readdirSync(disk.seen).filter((name) => name.startsWith("saved"))).toEqual([])

    yield* disk.free
    yield* healthWith(200)
    expect((yield* chat("two")).status).toBe(200)
    expect(
      (yield* Effect.repeat(askModel, { until: ({ text }) => text.includes("Hello"), schedule: often }))
        .status
    ).toBe(200)
    expect((yield* disk.run(["audit", "verify"])).stdout).toContain("is intact")
    expect((yield* disk.run(["backup", `${disk.dir}/../saved`])).code).toBe(0)
    expect(existsSync(`${disk.seen}/saved/manifold-backup.json`)).toBe(true)
    expect(existsSync(`${disk.seen}/state/events.quarantine`)).toBe(false)
  })
)

itWithDisk("a service starts on a full disk, and stores once there is space", () =>
  Effect.gen(function* () {
    const { askModel, call, chat, disk, healthWith } = yield* serving(true)
    expect((yield* healthWith(503)).text).toContain(`The disk of ${disk.dir} is full`)
    expect((yield* call("math.add", { a: 2, b: 3 })).text).toContain('"result":5')
    expect((yield* chat("one")).status).toBe(503)
    expect((yield* askModel).text).not.toContain("Hello")
    yield* disk.free
    yield* healthWith(200)
    yield* Effect.repeat(chat("two"), { until: ({ status }) => status === 200, schedule: often })
    yield* Effect.repeat(askModel, { until: ({ text }) => text.includes("Hello"), schedule: often })
    yield* Effect.repeat(
      Effect.sync(() => readdirSync(`${disk.seen}/state`)),
      { until: (names) => names.includes("formats.json"), schedule: often }
    )
  })
)
