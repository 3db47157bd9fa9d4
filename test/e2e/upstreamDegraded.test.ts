/** Upstream servers that are connected while their lists cannot be read. */
import { describe, expect } from "bun:test"
import { Effect, Schedule } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callTool } from "../support/callTool.ts"
import { it } from "../support/effect.ts"
import { plainServer, withLater } from "../support/plainServer.ts"
import { connect, get, json, send } from "../support/rest.ts"
import { service, stateFolder } from "../support/service.ts"

const broken = { code: -32_000, message: "The registry is not available." }

const configOf = (url: string, more: object = {}) => ({
  mcp: { connection: { initial_reconnect_delay: "20 millis", max_reconnect_attempts: 0 } },
  mcpServers: { plain: { url } },
  ...more
})

const names = Effect.flatMap(Catalog, (catalog) =>
  Effect.map(catalog.tools(stdioUser), ({ items }) =>
    items.map(({ name }) => name).filter((name) => name.startsWith("plain__"))
  )
)

const status = Effect.gen(function* () {
  const [found] = yield* (yield* Upstreams).list
  return found
})

/** Lists the tools until the server has that state, which it gets after requests. */
const until = (state: string) =>
  Effect.repeat(Effect.andThen(names, status), { until: (found) => found?.state === state })

const metrics = Effect.flatMap(get("/metrics"), (response) => Effect.promise(() => response.text()))

describe("an upstream server whose lists cannot be read", () => {
  it.live("is degraded, with its entries and calls, until they can be read", () =>
    withLater((later) =>
      Effect.gen(function* () {
        const { reject, tools, url } = yield* plainServer()
        yield* Effect.gen(function* () {
          expect(yield* names).toEqual(["plain__one"])
          yield* until("ready")
          const before = yield* status
          reject(broken, "tools/list")
          tools.push("two")
          later("6 minutes")
          const degraded = yield* until("degraded")
          expect(degraded?.failure?.detail).toContain(broken.message)
          expect(degraded?.since).toBeGreaterThanOrEqual(before?.since ?? Infinity)
          expect(yield* names).toEqual(["plain__one"])
          expect(yield* callTool("plain__one", {})).toMatchObject({ content: [{ text: "called" }] })
          expect(yield* metrics).toContain('manifold_upstream_degraded{upstream="plain"} 1')
          expect(yield* metrics).toContain('manifold_upstream_ready{upstream="plain"} 1')
          const health = yield* json(get("/health"))
          expect(health).toMatchObject({ status: 200, body: { status: "degraded" } })
          const since = new Date(degraded?.since ?? 0).toISOString()
          expect(JSON.stringify(health.body)).toContain(`degraded since ${since}: ${broken.message}`)

          reject(broken)
          const after = yield* until("ready")
          expect(after?.failure).toBeUndefined()
          expect(yield* names).toEqual(["plain__one", "plain__two"])
          expect(yield* metrics).toContain('manifold_upstream_degraded{upstream="plain"} 0')
          // The last report is out of date.
          later("2 seconds")
          expect((yield* json(get("/health"))).body).toMatchObject({ status: "healthy" })
        }).pipe(Effect.provide(service(configOf(url)), { local: true }))
      })
    )
  )

  it.live("keeps the entries of the rejected list, and gets new ones of the others", () =>
    withLater((later) =>
      Effect.gen(function* () {
        const { reject, tools, url } = yield* plainServer()
        yield* Effect.gen(function* () {
          expect(yield* names).toEqual(["plain__one"])
          yield* until("ready")
          reject(broken, "resources/list")
          tools.push("two")
          later("6 minutes")
          yield* until("degraded")
          expect(yield* names).toEqual(["plain__one", "plain__two"])
          const { items } = yield* Effect.flatMap(Catalog, (catalog) => catalog.resources(stdioUser))
          expect(items.map(({ uri }) => uri)).toContain("plain://one")
        }).pipe(Effect.provide(service(configOf(url)), { local: true }))
      })
    )
  )

  it.live("is degraded after a start too, and failed only if all are rejected and no entries are known", () =>
    Effect.gen(function* () {
      const { reject, url } = yield* plainServer()
      const dir = yield* stateFolder
      const run = <A, E, R>(self: Effect.Effect<A, E, R>) =>
        Effect.provide(self, service(configOf(url, { storage: { dir } })), { local: true })
      const all = ["tools/list", "resources/list", "resources/templates/list"]
      reject(broken, ...all)
      expect(yield* run(Effect.andThen(until("failed"), names))).toEqual([])
      reject(broken, "tools/list")
      expect(yield* run(Effect.andThen(until("degraded"), status))).toMatchObject({ tools: 0, resources: 1 })
      reject(broken)
      expect(yield* run(Effect.andThen(until("ready"), names))).toEqual(["plain__one"])
      reject(broken, ...all)
      yield* run(
        Effect.gen(function* () {
          // The call connects.
          expect(yield* callTool("plain__one", {})).toMatchObject({ content: [{ text: "called" }] })
          expect(yield* status).toMatchObject({ state: "degraded", tools: 1 })
          reject(broken)
          yield* until("ready")
        })
      )
    })
  )
})

it.live(
  "a connection over REST whose server rejects a list is degraded, with the reason, until it can be read",
  () =>
    Effect.gen(function* () {
      const { reject, url } = yield* plainServer()
      yield* Effect.gen(function* () {
        reject(broken, "resources/list")
        const client_id = yield* connect({ transport: "http", mcp_url: url, auth_type: "none" })
        const metadata = Effect.map(
          json(get(`/mcp/client/${client_id}`)),
          ({ body }) => Object(body["metadata"]) as { readonly state: string; readonly reason: string | null }
        )
        expect(yield* metadata).toMatchObject({ state: "degraded", reason: broken.message })
        expect((yield* json(get("/mcp/clients"))).body).toMatchObject({ clients: [{ state: "degraded" }] })
        const call = { client_id, tool_name: "one", arguments: {} }
        expect((yield* json(send("/mcp/call_tool", call))).body).toMatchObject({ status: "success" })
        reject(broken)
        const after = yield* Effect.repeat(metadata, {
          until: ({ state }) => state === "ready",
          schedule: Schedule.spaced("5 millis")
        })
        expect(after.reason).toBeNull()
        const { body } = yield* json(get(`/mcp/list_resources?client_id=${client_id}`))
        expect(body).toMatchObject({ count: 1 })
      }).pipe(
        Effect.provide(service({ mcp: { connection: { initial_reconnect_delay: "20 millis" } } }), {
          local: true
        })
      )
    })
)

describe("an upstream process that stops answering", () => {
  const program = new URL("../support/hostileUpstream.ts", import.meta.url).pathname
  const config = {
    mcp: { connection: { ping_after: "3 seconds", initial_reconnect_delay: "20 millis" } },
    mcpServers: { plain: { command: process.execPath, args: [program], time_limit: "1 second" } }
  }
  /** The state changes without requests. */
  const becomes = (state: string) =>
    Effect.repeat(status, {
      until: (found) => found?.state === state,
      schedule: Schedule.spaced("10 millis")
    })
  const pidOf = Effect.map(callTool("plain__pid", {}), ({ content }) => Number(Object(content[0]).text))
  /** Stopped by its call, so that nothing arrives after it. */
  const freeze = Effect.flip(callTool("plain__freeze", {}))

  it.live(
    "is degraded after a ping without a response, and ready again with the same process once it goes on",
    () =>
      Effect.gen(function* () {
        const pid = yield* pidOf
        expect(yield* freeze).toMatchObject({ _tag: "TimedOut" })
        expect(yield* status).toMatchObject({ state: "ready" })
        const degraded = yield* becomes("degraded")
        expect(degraded?.failure?.detail).toContain("neither a call nor a ping got a response")
        expect(yield* metrics).toContain('manifold_upstream_degraded{upstream="plain"} 1')
        expect((yield* json(get("/health"))).body).toMatchObject({ status: "degraded" })
        yield* Effect.sync(() => process.kill(pid, "SIGCONT"))
        const after = yield* becomes("ready")
        expect(after?.failure).toBeUndefined()
        expect(after?.since).toBeGreaterThanOrEqual(degraded?.since ?? Infinity)
        expect(yield* pidOf).toBe(pid)
        expect(yield* metrics).toContain('manifold_upstream_reconnects_total{upstream="plain"} 0')
      }).pipe(Effect.provide(service(config)))
  )
})
