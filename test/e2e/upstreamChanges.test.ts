/** Upstream servers whose definitions change, that are removed while callers use them, or that are the service itself. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import type { Contribution } from "../../src/catalog/Contribution.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { text } from "../../src/domain/Content.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { program } from "../support/program.ts"
import { connect, get, json } from "../support/rest.ts"
import { endpoint, service, serviceOf } from "../support/service.ts"

const volatile = (description: string) =>
  rawTool({ name: "volatile", description, inputSchema: { type: "object" } }, () =>
    Effect.succeed({ content: [text("done")] })
  )

type Service = ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

const scope = Scope.makeUnsafe()
const behind: Service = ManagedRuntime.make(service())
let contribution: Contribution
let folder: string
let file: string
/** Two instances with one configuration and one state folder. */
let front: Service
let twin: Service
let far: string

const write = (mcpServers: Record<string, unknown>) =>
  writeFile(
    file,
    JSON.stringify({
      storage: { dir: folder },
      logging: { level: "none" },
      mcp: { connection: { max_reconnect_attempts: 0 } },
      mcpServers
    })
  )

/** Waits until the description of the tool is as expected in both instances. */
const becomes = async (expected: string | undefined) => {
  for (const each of [front, twin]) {
    await each.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const catalog = yield* Catalog
          let changed = Deferred.makeUnsafe<void>()
          yield* catalog.watch(() => void Deferred.doneUnsafe(changed, Exit.void))
          while ((yield* catalog.tool(stdioUser, "far__volatile"))?.description !== expected) {
            yield* Deferred.await(changed)
            changed = Deferred.makeUnsafe()
          }
        })
      )
    )
  }
}

const stateOf = (name: string) =>
  front.runPromise(
    Effect.flatMap(Upstreams, ({ list }) => Effect.map(list, (all) => all.find((each) => each.name === name)))
  )

const start = (): Service =>
  ManagedRuntime.make(serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine)))

const servers = () => ({
  far: { url: far, on_change: "hold" },
  dead: { url: "http://127.0.0.1:1/mcp" }
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "manifold-changes-"))
  file = join(folder, "manifold.json")
  far = (await behind.runPromise(endpoint)).href
  contribution = await behind.runPromise(
    Effect.flatMap(Catalog, (catalog) =>
      Scope.provide(
        catalog.contribute({
          owner: "test",
          entries: { tools: [volatile("first")] },
          visibleTo: "everybody"
        }),
        scope
      )
    )
  )
  await write(servers())
  front = start()
  twin = start()
  await Promise.all([front, twin].map((each) => each.runPromise(endpoint)))
  await becomes("first")
})

afterAll(async () => {
  await Promise.all([front, twin].map((each) => each.dispose()))
  await behind.dispose()
  await rm(folder, { recursive: true, force: true })
})

test("a changed tool is held back in every instance until it is approved", async () => {
  await behind.runPromise(contribution.replace({ tools: [volatile("second")] }))
  await becomes(undefined)
  expect(await stateOf("far")).toMatchObject({ held: ["volatile"] })
  const approving = Bun.spawn([...program, "upstream", "approve", "far", "--config", file], {
    stdout: "pipe",
    stderr: "ignore"
  })
  expect(await approving.stdout.text()).toContain("Approved: volatile")
  await becomes("second")
  expect(await stateOf("far")).toMatchObject({ held: [] })
})

test("metrics and health show the states of servers, and labels only of configured ones", async () => {
  const metrics = await front.runPromise(
    Effect.flatMap(get("/metrics"), (it) => Effect.promise(() => it.text()))
  )
  expect(metrics).toContain('manifold_upstream_ready{upstream="far"} 1')
  expect(metrics).toContain('manifold_upstream_ready{upstream="dead"} 0')
  expect(metrics.match(/^manifold_upstream_ready\{/gm)).toHaveLength(2)
  const { body, status } = await front.runPromise(json(get("/health")))
  const parts = { "upstream far": { status: "ok" }, "upstream dead": { status: "failing" } }
  expect({ body, status }).toMatchObject({ status: 200, body: { status: "degraded", parts } })
})

test("a server that is removed by a reload ends the connections over REST to it", async () => {
  const id = await front.runPromise(connect({ transport: "http", mcp_url: far, auth_type: "none" }))
  const other = await front.runPromise(
    connect({ transport: "http", mcp_url: far.replace("127.0.0.1", "localhost"), auth_type: "none" })
  )
  await write({})
  await front.runPromise(Effect.flatMap(ConfigSource, ({ reload }) => reload))
  expect((await front.runPromise(get(`/mcp/client/${id}`))).status).toBe(404)
  expect((await front.runPromise(get(`/mcp/client/${other}`))).status).toBe(200)
  const metrics = await front.runPromise(
    Effect.flatMap(get("/metrics"), (it) => Effect.promise(() => it.text()))
  )
  expect(metrics).not.toContain("manifold_upstream_ready{")
})

test("a server that is changed by a reload is connected with its new settings by the next request over REST", async () => {
  const reload = () => front.runPromise(Effect.flatMap(ConfigSource, (config) => config.reload))
  const toolsOf = (id: string) => front.runPromise(json(get(`/mcp/list_tools?client_id=${id}`)))
  const namesOf = async (id: string) =>
    ((await toolsOf(id)).body["tools"] as ReadonlyArray<{ readonly name: string }>).map(({ name }) => name)
  const { far: listed, ...others } = servers()
  await write({ ...others, far: { ...listed, deny: ["echo"] } })
  await reload()
  const id = await front.runPromise(connect({ transport: "http", mcp_url: far, auth_type: "none" }))
  expect(await namesOf(id)).not.toContain("echo")
  expect(await namesOf(id)).toContain("math.add")
  await write({ ...others, far: { ...listed, deny: ["math.*"] } })
  await reload()
  expect(await namesOf(id)).toContain("echo")
  expect(await namesOf(id)).not.toContain("math.add")
  // A server with another URL is another one for a connection to the old URL.
  await write({ ...others, far: { ...listed, url: far.replace("127.0.0.1", "localhost") } })
  await reload()
  expect(await toolsOf(id)).toMatchObject({
    status: 404,
    body: { detail: expect.stringContaining("Connect") }
  })
})

test("a service that lists itself as an upstream server does not connect to itself", async () => {
  const own = (await front.runPromise(endpoint)).href
  await write({ ...servers(), self: { url: own }, socket: { url: `${own.replace("http", "ws")}/ws` } })
  await front.runPromise(Effect.flatMap(ConfigSource, ({ reload }) => reload))
  // Lists wait until each server has answered or failed.
  const { items } = await front.runPromise(Effect.flatMap(Catalog, (catalog) => catalog.tools(stdioUser)))
  expect(items.map(({ name }) => name).filter((name) => /^(self|socket)__/.test(name))).toEqual([])
  expect(items.map(({ name }) => name)).toContain("far__volatile")
  const detail = expect.stringContaining("this URL is the service itself")
  expect(await stateOf("self")).toMatchObject({ state: "failed", failure: { detail } })
  expect(await stateOf("socket")).toMatchObject({ state: "failed", failure: { detail } })
})
