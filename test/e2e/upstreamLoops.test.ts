/** Services that list each other as upstream servers, over HTTP: their entries are not multiplied, and calls are not looped. */
import { afterAll, expect, test } from "bun:test"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Deferred, Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Caller } from "../../src/catalog/Caller.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { OwnInstance } from "../../src/catalog/OwnInstance.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { text } from "../../src/domain/Content.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { newClients } from "../support/clients.ts"
import { program } from "../support/program.ts"
import { endpoint, serviceOf } from "../support/service.ts"

const scope = Scope.makeUnsafe()
const ends: Array<() => Promise<void>> = []
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  for (const end of ends) await end()
})

/** A tool that responds with the chain of its call. */
const chainTool = (name: string) =>
  rawTool({ name, inputSchema: { type: "object" } }, () =>
    Effect.map(Caller, ({ chain }) => ({ content: [text(JSON.stringify(chain ?? []))] }))
  )

/** A service whose upstream servers are set later. */
const start = async () => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-loops-"))
  const file = join(folder, "manifold.json")
  const write = (mcpServers: Record<string, unknown>) =>
    writeFile(file, JSON.stringify({ storage: { dir: folder }, logging: { level: "none" }, mcpServers }))
  await write({})
  const runtime = ManagedRuntime.make(serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine)))
  ends.push(async () => {
    await runtime.dispose()
    await rm(folder, { recursive: true, force: true })
  })
  const url = await runtime.runPromise(endpoint)
  const names = Effect.flatMap(Catalog, (catalog) =>
    Effect.map(catalog.tools(stdioUser), ({ items }) => items.map(({ name }) => name))
  )
  return {
    url,
    file,
    id: await runtime.runPromise(Effect.flatMap(OwnInstance, ({ id }) => id)),
    names: () => runtime.runPromise(names),
    lists: async (mcpServers: Record<string, string>, options: object = {}) => {
      await write(
        Object.fromEntries(
          Object.entries(mcpServers).map(([name, href]) => [name, { url: href, ...options }])
        )
      )
      await runtime.runPromise(Effect.flatMap(ConfigSource, ({ reload }) => reload))
    },
    add: (name: string) =>
      runtime.runPromise(
        Effect.flatMap(Catalog, (catalog) => Scope.provide(catalog.add({ tools: [chainTool(name)] }), scope))
      ),
    /** Waits until a tool of that name is served. */
    serves: (name: string) =>
      runtime.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const catalog = yield* Catalog
            let changed = Deferred.makeUnsafe<void>()
            yield* catalog.watch(() => void Deferred.doneUnsafe(changed, Exit.void))
            while ((yield* catalog.tool(stdioUser, name)) === undefined) {
              yield* Deferred.await(changed)
              changed = Deferred.makeUnsafe()
            }
          })
        )
      ),
    looped: () =>
      runtime.runPromise(
        Effect.flatMap(Upstreams, ({ list }) => Effect.map(list, (all) => all.map(({ looped }) => looped)))
      )
  }
}

const textOf = async (url: URL, name: string, chain?: ReadonlyArray<string>) => {
  const client = newClients[0][1]()
  await client.connect(new StreamableHTTPClientTransport(url))
  const _meta = chain === undefined ? {} : { _meta: { "manifold/instances": chain } }
  const { content, isError } = await client.callTool({ name, arguments: {}, ..._meta })
  await client.close()
  const [first] = content
  return { text: first?.type === "text" ? first.text : "", isError: isError === true }
}

test("two services that list each other serve each other's own tools once", async () => {
  const [a, b] = [await start(), await start()]
  await a.add("from_a")
  await b.add("from_b")
  await a.lists({ b: b.url.href })
  await a.serves("b__from_b")
  await b.lists({ a: a.url.href })
  await b.serves("a__from_a")
  // Each lists the other again, now with entries that came from itself.
  await b.add("later_b")
  await a.serves("b__later_b")
  await a.add("later_a")
  await b.serves("a__later_a")
  await b.add("last_b")
  await a.serves("b__last_b")
  expect((await a.names()).filter((name) => name.startsWith("b__a__"))).toEqual([])
  expect((await b.names()).filter((name) => name.startsWith("a__b__"))).toEqual([])
  expect((await a.looped())[0]).toBeGreaterThan(0)

  // The tool sees that the call came through the other service.
  expect(await textOf(a.url, "b__from_b")).toEqual({ text: JSON.stringify([a.id]), isError: false })
  // A call that came through a service before is not forwarded again: its lists were out of date.
  const looping = await textOf(a.url, "b__from_b", [b.id, a.id])
  expect(looping).toMatchObject({ isError: true, text: expect.stringContaining("list each other") })

  // Other clients see nothing of this.
  const client = newClients[0][1]()
  await client.connect(new StreamableHTTPClientTransport(a.url))
  const { tools } = await client.listTools()
  expect(tools.filter(({ _meta }) => _meta?.["manifold/instances"] !== undefined)).toEqual([])
  await client.close()

  const listing = Bun.spawn([...program, "upstream", "list", "--config", a.file], {
    stdout: "pipe",
    stderr: "ignore"
  })
  expect(await listing.stdout.text()).toMatch(/^b +ready .*\d+ entries of this service are not served again/m)
  const doctor = Bun.spawn([...program, "doctor", "--config", a.file], {
    stdout: "pipe",
    stderr: "ignore"
  })
  expect(await doctor.stdout.text()).toMatch(/b: .*\d+ entries of this service are not served again/)
})

test("a ring of three services passes each tool on at most twice", async () => {
  const [a, b, c] = [await start(), await start(), await start()]
  await a.add("from_a")
  await b.add("from_b")
  await c.add("from_c")
  await a.lists({ b: b.url.href })
  await b.lists({ c: c.url.href })
  await c.lists({ a: a.url.href })
  await a.serves("b__c__from_c")
  await b.serves("c__a__from_a")
  await c.serves("a__b__from_b")
  for (const round of ["one", "two"]) {
    await a.add(`a_${round}`)
    await b.serves(`c__a__a_${round}`)
    await b.add(`b_${round}`)
    await c.serves(`a__b__b_${round}`)
    await c.add(`c_${round}`)
    await a.serves(`b__c__c_${round}`)
  }
  const threeDeep = (await Promise.all([a.names(), b.names(), c.names()]))
    .flat()
    .filter((name) => /^[abc]__[abc]__[abc]__/.test(name))
  expect(threeDeep).toEqual([])
  expect(await textOf(a.url, "b__c__from_c")).toEqual({ text: JSON.stringify([a.id, b.id]), isError: false })
  expect((await textOf(a.url, "b__c__from_c", [b.id])).isError).toBe(true)
})

test("loops are also recognized over the transports of the session era", async () => {
  const [a, b] = [await start(), await start()]
  await a.add("from_a")
  await b.add("from_b")
  await a.lists({ b: new URL("/mcp/sse", b.url).href }, { type: "sse" })
  await a.serves("b__from_b")
  await b.lists({ a: new URL("/mcp/ws", a.url).href.replace("http", "ws") })
  await b.serves("a__from_a")
  for (const round of ["one", "two"]) {
    await b.add(`b_${round}`)
    await a.serves(`b__b_${round}`)
    await a.add(`a_${round}`)
    await b.serves(`a__a_${round}`)
  }
  const names = [...(await a.names()), ...(await b.names())]
  expect(names.filter((name) => /^[ab]__[ab]__/.test(name))).toEqual([])
  expect(await textOf(a.url, "b__from_b")).toEqual({ text: JSON.stringify([a.id]), isError: false })
  expect(await textOf(b.url, "a__from_a")).toEqual({ text: JSON.stringify([b.id]), isError: false })
})

test("a service that is its own upstream server over stdio starts itself once, not without end", async () => {
  const folder = await mkdtemp(join(tmpdir(), "manifold-loops-"))
  ends.push(() => rm(folder, { recursive: true, force: true }))
  const [file, starts] = [join(folder, "manifold.json"), join(folder, "starts")]
  // Each process of the chain adds a line with the instances that it was started by.
  const script = `echo "$MANIFOLD_INSTANCES" >> "$0"; exec "$@"`
  const again = {
    command: "sh",
    args: ["-c", script, starts, ...program, "serve", "--config", file]
  }
  await writeFile(
    file,
    JSON.stringify({ storage: { dir: folder }, logging: { level: "none" }, mcpServers: { again } })
  )
  const list = (env: Record<string, string> = {}) =>
    Bun.spawn([...program, "upstream", "list", "--config", file], {
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "ignore"
    }).stdout.text()

  expect(await list()).toMatch(/^again +ready /m)
  const [instance = ""] = (await readFile(starts, "utf8")).split("\n")
  expect(instance).toMatch(/^[0-9a-f]{32}$/)
  // As the process of the first command was started.
  expect(await list({ MANIFOLD_INSTANCES: instance })).toMatch(
    /^again +failed .*started as an upstream server of itself/m
  )
  expect(await readFile(starts, "utf8")).toBe(`${instance}\n`)
})
