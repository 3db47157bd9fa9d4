/** Starts with upstream servers whose lists are stored: they are served at once, and a server is opened when it is first used. */
import { expect } from "bun:test"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Duration, Effect, Layer } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { ListStore } from "../../src/upstreams/ListStore.ts"
import type { Known } from "../../src/upstreams/storedText.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callTool } from "../support/callTool.ts"
import { it } from "../support/effect.ts"
import { storeIn } from "../support/listStore.ts"
import { plainServer } from "../support/plainServer.ts"
import { get } from "../support/rest.ts"
import { service, serviceOf, stateFolder } from "../support/service.ts"

const names = Effect.flatMap(Catalog, (catalog) =>
  Effect.map(catalog.tools(stdioUser), ({ items }) =>
    items.map(({ name }) => name).filter((name) => name.includes("__"))
  )
)

const states = Effect.flatMap(Upstreams, ({ list }) =>
  Effect.map(list, (all) => Object.fromEntries(all.map(({ name, state }) => [name, state])))
)

const ready = Effect.repeat(states, {
  until: (all) => Object.values(all).every((state) => state === "ready")
})

const metrics = Effect.flatMap(get("/metrics"), (response) => Effect.promise(() => response.text()))

const run =
  (dir: string, mcpServers: Readonly<Record<string, object>>) =>
  <A, E, R>(self: Effect.Effect<A, E, R>) =>
    Effect.provide(self, service({ storage: { dir }, mcpServers }), { local: true })

it.live("a known server is opened by its first call, once, and others stay closed", () =>
  Effect.gen(function* () {
    const [one, two] = [yield* plainServer(), yield* plainServer()]
    const inState = run(yield* stateFolder, { one: { url: one.url }, two: { url: two.url } })
    yield* inState(Effect.andThen(names, ready))
    const before = [one.reads(), two.reads()]
    yield* inState(
      Effect.gen(function* () {
        expect(yield* names).toEqual(["one__one", "two__one"])
        expect(yield* states).toEqual({ one: "idle", two: "idle" })
        const calls = [callTool("one__one", {}), callTool("one__one", {}), callTool("one__one", {})]
        for (const result of yield* Effect.all(calls, { concurrency: "unbounded" })) {
          expect(result).toMatchObject({ content: [{ text: "called" }] })
        }
        expect([one.reads(), two.reads()]).toEqual([(before[0] ?? 0) + 1, before[1] ?? 0])
        expect(yield* states).toEqual({ one: "ready", two: "idle" })
        expect(yield* names).toEqual(["one__one", "two__one"])
        expect(yield* metrics).toContain('manifold_upstream_requests_total{upstream="one"} 3\n')
      })
    )
  })
)

it.live(
  "a known server that is not called is opened after the first responses, and gets its new entries",
  () =>
    Effect.gen(function* () {
      const server = yield* plainServer()
      const inState = run(yield* stateFolder, { plain: { url: server.url } })
      yield* inState(Effect.andThen(names, ready))
      server.tools.push("two")
      yield* inState(
        Effect.gen(function* () {
          expect(yield* names).toEqual(["plain__one"])
          yield* ready
          expect(yield* names).toEqual(["plain__one", "plain__two"])
        })
      )
    })
)

it.live("resources, and subscriptions to them, open a known server", () =>
  Effect.gen(function* () {
    const server = yield* plainServer()
    const inState = run(yield* stateFolder, { plain: { url: server.url } })
    yield* inState(Effect.andThen(names, ready))
    yield* inState(
      Effect.gen(function* () {
        const catalog = yield* Catalog
        const failure = yield* Effect.flip(Effect.scoped(catalog.subscribe(stdioUser, "plain://one")))
        expect(failure.message).toContain("Method not found")
        expect(yield* states).toEqual({ plain: "ready" })
      })
    )
  })
)

it.live("tools that are approved before their server is opened are served without a call", () =>
  Effect.gen(function* () {
    const dir = yield* stateFolder
    const program = new URL("../support/hostileUpstream.ts", import.meta.url).pathname
    const command = { command: process.execPath, args: [program] }
    const inState = run(dir, { far: { ...command, idle_timeout: "1 hour", on_change: "hold" } })
    yield* inState(Effect.andThen(names, ready))
    const settings: ServerSettings = { ...command, enabled: true, time_limit: Duration.minutes(1) }
    const store = (change: (known: Known) => Partial<Known>) =>
      Effect.gen(function* () {
        const { load, save } = yield* ListStore
        const known = yield* load("far", settings)
        if (known !== undefined) yield* save("far", settings, { ...known, ...change(known) })
      }).pipe(Effect.provide(storeIn(dir)))
    yield* store(({ pins }) => ({ held: ["fine"], pins: { ...pins, fine: "of another definition" } }))
    yield* inState(
      Effect.gen(function* () {
        expect(yield* names).not.toContain("far__fine")
        yield* store(({ pins: { fine: _, ...pins } }) => ({ held: [], pins }))
        const list = Effect.flatMap(Upstreams, (upstreams) => upstreams.list)
        yield* Effect.repeat(list, { until: ([far]) => far?.held.length === 0 })
        expect(yield* names).toContain("far__fine")
      })
    )
  })
)

it.live("a known server that a reload changes is opened at once, not as after a start", () =>
  Effect.gen(function* () {
    const { url } = yield* plainServer()
    const dir = yield* stateFolder
    const file = join(dir, "manifold.json")
    const write = (mcpServers: object) =>
      Effect.promise(() =>
        writeFile(file, JSON.stringify({ logging: { level: "none" }, storage: { dir }, mcpServers }))
      )
    const reloadable = serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine))
    const inState = <A, E, R>(self: Effect.Effect<A, E, R>) =>
      Effect.provide(self, reloadable, { local: true })
    yield* write({ plain: { url } })
    yield* inState(Effect.andThen(names, ready))
    yield* inState(
      Effect.gen(function* () {
        // Until it is opened after the start.
        yield* ready
        yield* write({ plain: { url, deny: ["two"] } })
        yield* Effect.flatMap(ConfigSource, ({ reload }) => reload)
        const isReady = (text: string) => text.includes('manifold_upstream_ready{upstream="plain"} 1\n')
        yield* Effect.timeout(Effect.repeat(metrics, { until: isReady }), "1900 millis")
      })
    )
  })
)
