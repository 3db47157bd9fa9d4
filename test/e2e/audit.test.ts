/** Audit log of a service: calls, refusals, failed authentication, tokens and reloads have rows, and calls stop when it cannot be kept. */
import { expect } from "bun:test"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { StoredTokens } from "../../layers/identity/StoredTokens.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { storedRows, verified } from "../support/audit.ts"
import { onEachDatabase, sqlite, type StorageSettings } from "../support/databases.ts"
import { it } from "../support/effect.ts"
import { bearer, json, send } from "../support/rest.ts"
import { endpoint, post, readJson, service, serviceOf, stateless } from "../support/service.ts"
import { create } from "../support/storedTokens.ts"

const secret = "sk-0123456789abcdef0123456789abcdef"

const served = (storage: StorageSettings, config: Readonly<Record<string, unknown>> = {}) =>
  Effect.map(Layer.build(service({ storage, ...config })), (context) => context)

const call = (method: string, params: Record<string, unknown>, headers: Record<string, string> = {}) =>
  Effect.flatMap(endpoint, (url) => {
    const message = stateless(1, method, params)
    return post(url, message.body, { ...message.headers, ...headers })
  })

const sum = { name: "math.add", arguments: { b: 2, a: 1 } }

/** The rows so far, without their times and hashes. */
const written = Effect.gen(function* () {
  yield* (yield* Audit).flush
  return (yield* storedRows).map(({ at: _, hash: __, details, ...row }) => ({
    ...row,
    details: JSON.parse(details) as Readonly<Record<string, unknown>>
  }))
})

onEachDatabase("the audit log of a service", (database) => {
  it.live("has a row for each tool call, refusal, failed token and administrative act", () =>
    Effect.gen(function* () {
      const running = yield* served(yield* database)
      yield* Effect.gen(function* () {
        const reader = yield* create({ name: "reader", scopes: ["read"], ceiling: ["read", "call"] })
        const user = yield* create({ name: "user" })
        const called = yield* call("tools/call", sum, bearer(user.text))
        expect(called.status).toBe(200)
        expect((yield* call("tools/call", sum, bearer(reader.text))).status).toBe(403)
        yield* call("tools/call", { name: "list_tokens", arguments: {} }, bearer(user.text))
        yield* call("tools/call", { name: "math.add", arguments: { a: "x" } }, bearer(user.text))
        expect((yield* call("tools/list", {}, bearer("wrong"))).status).toBe(401)
        yield* (yield* StoredTokens).revoke("reader", "operator")

        const all = yield* written
        // Rows of changes do not wait in the queue.
        const rows = [false, true].flatMap((queued) =>
          all.filter(({ action }) => queued !== action.startsWith("token."))
        )
        const user1 = { subject: "user", client: "user", source: "api-token" }
        expect(rows).toMatchObject([
          { action: "token.create", target: reader.id, subject: "operator", source: "cli" },
          { action: "token.create", target: user.id, details: { name: "user", scopes: ["read", "call"] } },
          { action: "token.revoke", target: reader.id, details: { name: "reader" } },
          {
            ...user1,
            action: "tool.call",
            target: "math.add",
            outcome: "succeeded",
            request_id: called.headers.get("x-request-id"),
            details: {
              // SHA-256 of {"a":1,"b":2}
              arguments_sha256: "43258cff783fe7036d8a43033f830adfc60ec037382473548ac742b888292777"
            }
          },
          {
            subject: "reader",
            action: "tool.call",
            target: "math.add",
            outcome: "refused",
            details: { error: "Forbidden" }
          },
          { ...user1, target: "list_tokens", outcome: "refused", details: { error: "Concealed" } },
          { ...user1, target: "math.add", outcome: "failed" },
          {
            subject: "",
            source: "none",
            action: "authentication",
            outcome: "refused",
            details: { reason: "invalid" }
          }
        ])
        expect(rows).toHaveLength(8)
        expect(JSON.stringify(rows)).not.toContain("mcpt_")
        expect(yield* verified).toMatchObject({ status: "intact", rows: 8 })
      }).pipe(Effect.provideContext(running))
    })
  )
})

it.live("connections over REST have rows, without secrets of their URLs", () =>
  Effect.gen(function* () {
    const running = yield* served(yield* sqlite)
    yield* Effect.gen(function* () {
      const admin = yield* create({ name: "admin", scopes: ["read", "call", "admin"] })
      const url = `http://user:${secret}@127.0.0.1:1/mcp?token=${secret}`
      const body = { transport: "http", mcp_url: url, timeout: 5 }
      expect((yield* json(send("/mcp/connect", body, bearer(admin.text)))).status).not.toBe(201)
      yield* send("/mcp/disconnect", { client_id: "none" }, bearer(admin.text))
      const rows = (yield* written).slice(1)
      expect(rows).toMatchObject([
        {
          subject: "admin",
          action: "connection.open",
          target: "",
          outcome: "failed",
          details: { transport: "http", server: "http://127.0.0.1:1" }
        },
        { action: "connection.close", target: "none", outcome: "failed" }
      ])
      expect(JSON.stringify(rows)).not.toContain(secret)
    }).pipe(Effect.provideContext(running))
  })
)

it.live("arguments are masked or absent, as configured", () =>
  Effect.gen(function* () {
    const argumentsIn = (how: string) =>
      Effect.gen(function* () {
        const running = yield* served(yield* sqlite, { audit: { arguments: how } })
        return yield* Effect.gen(function* () {
          const message = { name: "echo", arguments: { message: `the key is ${secret}` } }
          yield* call("tools/call", message)
          return (yield* written).at(0)?.details
        }).pipe(Effect.provideContext(running))
      })
    expect(yield* argumentsIn("redacted")).toEqual({ arguments: { message: "the key is <redacted>" } })
    expect(yield* argumentsIn("none")).toEqual({})
  })
)

it.live("calls can be left out, and repeated refusals are bounded", () =>
  Effect.gen(function* () {
    const running = yield* served(yield* sqlite, { audit: { calls: "refused" } })
    yield* Effect.gen(function* () {
      yield* call("tools/call", sum)
      const reader = yield* create({ name: "reader", scopes: ["read"], ceiling: ["read", "call"] })
      for (let index = 0; index < 30; index++) yield* call("tools/call", sum, bearer(reader.text))
      const rows = (yield* written).slice(1)
      expect(rows).toHaveLength(20)
      expect(rows[0]).toMatchObject({
        subject: "reader",
        outcome: "refused",
        details: { error: "Forbidden" }
      })
    }).pipe(Effect.provideContext(running))
  })
)

it.live("failed tokens are throttled, also in the log", () =>
  Effect.gen(function* () {
    const running = yield* served(yield* sqlite, { auth: { failures: { max: 3 } } })
    yield* Effect.gen(function* () {
      for (let index = 0; index < 10; index++) yield* call("tools/list", {}, bearer("wrong"))
      const rows = yield* written
      expect(rows.map(({ details }) => details["throttled"] === true)).toEqual([false, false, false, true])
    }).pipe(Effect.provideContext(running))
  })
)

it.live("calls are rejected with 503 while the log is full and cannot be written", () =>
  Effect.gen(function* () {
    const { dir } = yield* sqlite
    const nowhere = { dir, postgres_url: "postgres://someone@127.0.0.1:1/nothing" }
    const running = yield* served(nowhere, { audit: { max_queued: 100 }, limits: { enabled: false } })
    yield* Effect.gen(function* () {
      for (let index = 0; index < 100; index++) {
        expect((yield* call("tools/call", sum)).status).toBe(200)
      }
      const refused = yield* call("tools/call", sum)
      expect(refused.status).toBe(503)
      expect(JSON.stringify(yield* readJson(refused))).toContain("audit log")
    }).pipe(Effect.provideContext(running))
  })
)

it.live("reloads of the configuration have rows", () =>
  Effect.gen(function* () {
    const { dir } = yield* sqlite
    const file = join(dir, "manifold.yaml")
    const write = (text: string) => Effect.promise(() => writeFile(file, text))
    yield* write("logging: { level: info }\n")
    const running = yield* Layer.build(
      serviceOf(() =>
        ConfigSource.layerFile(file).pipe(
          Layer.provide(Environment.layerTest({ MANIFOLD_STORAGE_DIR: dir })),
          Layer.provide(Platform.layer)
        )
      )
    )
    yield* Effect.gen(function* () {
      const { reload } = yield* ConfigSource
      yield* write("logging: { level: debug }\n")
      yield* reload
      yield* write("logging: { level: loud }\n")
      yield* Effect.flip(reload)
      expect(yield* written).toMatchObject([
        {
          subject: "manifold",
          action: "config.reload",
          outcome: "succeeded",
          details: { changed: ["logging"] }
        },
        { action: "config.reload", outcome: "refused", details: { problems: 1, paths: ["logging.level"] } }
      ])
    }).pipe(Effect.provideContext(running))
  })
)

it.live("tokens that administrators create over REST name them", () =>
  Effect.gen(function* () {
    const running = yield* served(yield* sqlite)
    yield* Effect.gen(function* () {
      const admin = yield* create({ name: "admin", scopes: ["read", "call", "admin"] })
      expect((yield* json(send("/auth/tokens", { name: "ci" }, bearer(admin.text)))).status).toBe(201)
      expect((yield* written).at(-1)).toMatchObject({
        subject: "admin",
        source: "api-token",
        action: "token.create"
      })
    }).pipe(Effect.provideContext(running))
  })
)
