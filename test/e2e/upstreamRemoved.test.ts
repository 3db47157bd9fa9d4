/** Calls that wait for an upstream server when a reload removes it: they fail at once, and say why. */
import { expect } from "bun:test"
import { Deferred, Duration, Effect, Exit, Layer, Scope } from "effect"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { stopped } from "../../layers/upstream/UpstreamError.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { deferServer } from "../../src/upstreams/deferServer.ts"
import { nothing } from "../../src/upstreams/lists.ts"
import { publishServer } from "../../src/upstreams/publishServer.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callTool, catalog } from "../support/callTool.ts"
import { it } from "../support/effect.ts"
import { serviceOf, stateFolder } from "../support/service.ts"

const tools = [{ name: "one", inputSchema: { type: "object" } }]

const settings = { enabled: true, url: "http://far.example/mcp", time_limit: Duration.minutes(1) }

/** A server that keeps no sessions, and answers nothing while it is held. */
const holdable = Effect.acquireRelease(
  Effect.sync(() => {
    const arrived = Deferred.makeUnsafe<void>()
    const held = { now: false }
    const resultOf = (method: string) => {
      if (method === "tools/call") return { content: [{ type: "text", text: "called" }] }
      const serverInfo = { name: "holdable", version: "1" }
      return method === "initialize"
        ? { protocolVersion: "2025-11-25", capabilities: { tools: {} }, serverInfo }
        : { tools }
    }
    const running = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (received) => {
        if (received.method !== "POST") return new Response(null, { status: 405 })
        const { id, method } = (await received.json()) as { id?: unknown; method: string }
        if (held.now) {
          Deferred.doneUnsafe(arrived, Exit.void)
          await new Promise(() => {})
        }
        return id === undefined
          ? new Response(null, { status: 202 })
          : Response.json({ jsonrpc: "2.0", id, result: resultOf(method) })
      }
    })
    return { url: new URL("/mcp", running.url).href, held, arrived, running }
  }),
  ({ running }) => Effect.promise(() => running.stop(true))
)

it.live(
  "calls that wait for the connection fail when the server is removed, and later ones succeed again",
  () =>
    Effect.gen(function* () {
      const { arrived, held, url } = yield* holdable
      const dir = yield* stateFolder
      const file = join(dir, "manifold.json")
      const write = (mcpServers: object) =>
        Effect.promise(() =>
          writeFile(file, JSON.stringify({ logging: { level: "none" }, storage: { dir }, mcpServers }))
        )
      const run = <A, E, R>(self: Effect.Effect<A, E, R>) =>
        Effect.provide(
          self,
          serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine)),
          { local: true }
        )
      const list = Effect.flatMap(Upstreams, (upstreams) => upstreams.list)
      yield* write({ far: { url } })
      yield* run(Effect.repeat(list, { until: ([far]) => far?.state === "ready" }))
      held.now = true
      yield* run(
        Effect.gen(function* () {
          const reload = (mcpServers: object) =>
            Effect.andThen(
              write(mcpServers),
              Effect.flatMap(ConfigSource, (config) => config.reload)
            )
          const call = callTool("far__one", {})
          // As many failures in a row open the circuit breaker.
          const waiting = Array.from({ length: 20 }, () => Effect.flip(call))
          const [failures] = yield* Effect.all(
            [
              Effect.all(waiting, { concurrency: "unbounded" }),
              Effect.andThen(Deferred.await(arrived), reload({}))
            ],
            { concurrency: "unbounded" }
          )
          for (const failure of failures) {
            expect(failure).toMatchObject({ _tag: "Failed", detail: stopped("far").message })
          }
          held.now = false
          yield* reload({ far: { url } })
          expect(yield* call).toMatchObject({ content: [{ text: "called" }] })
        })
      )
    })
)

it.live("a call that waits until the server is opened fails as well, and one that comes later", () =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const opening = yield* Deferred.make<void>()
    const published = yield* Effect.provideService(
      publishServer(
        { name: "far", settings },
        { lists: { ...nothing, tools }, held: [], pins: {}, canPick: false }
      ),
      Scope.Scope,
      yield* Effect.scope
    )
    const open = Effect.andThen(Deferred.succeed(opening, undefined), Effect.never)
    yield* Effect.provideService(deferServer("far", published, open), Scope.Scope, scope)
    const stopping = Effect.andThen(Deferred.await(opening), Scope.close(scope, Exit.void))
    const call = Effect.flip(callTool("far__one", {}))
    const [failure] = yield* Effect.all([call, stopping], { concurrency: "unbounded" })
    const expected = { _tag: "Failed", detail: stopped("far").message }
    expect(failure).toMatchObject(expected)
    expect(yield* call).toMatchObject(expected)
  }).pipe(Effect.provide(catalog))
)
