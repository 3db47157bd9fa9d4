/** Two upstream servers that list the same URIs, in both protocol eras: the second one's are mapped, in both directions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { Deferred, Effect, Exit, Layer, ManagedRuntime, Scope } from "effect"
import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import type { Contribution } from "../../src/catalog/Contribution.ts"
import type { Entries, ResourceEntry } from "../../src/catalog/Entry.ts"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { text } from "../../src/domain/Content.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callServices } from "../support/callTool.ts"
import { newClients } from "../support/clients.ts"
import { connect, get, json, send } from "../support/rest.ts"
import { endpoint, service, serviceOf, stateFolder } from "../support/service.ts"

type Service = ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

const shared = "test://shared"
const panel = "ui://panel/main.html"
const inputSchema = { type: "object" }

const resource = (uri: string, content: string): ResourceEntry => ({
  uri,
  name: uri,
  scopes: ["read"],
  read: Effect.succeed({ contents: [{ uri, text: content }] })
})

/** Entries whose contents name their server. */
const entriesOf = (server: string): Entries => ({
  resources: [
    resource(shared, server),
    resource(panel, `<p>${server}</p>`),
    resource(`test://own/${server}`, server)
  ],
  templates: [
    {
      name: "item",
      uriTemplate: "test://item/{id}",
      scopes: ["read"],
      complete: { id: () => Effect.succeed([server]) },
      read: (uri, { id }) => Effect.succeed({ contents: [{ uri, text: `${server} ${id}` }] })
    }
  ],
  prompts: [
    {
      name: "show",
      scopes: ["call"],
      arguments: [],
      get: () =>
        Effect.succeed({
          messages: [
            {
              role: "user",
              content: { type: "resource", resource: { uri: "test://item/7", text: `${server} 7` } }
            }
          ]
        })
    }
  ],
  tools: [
    rawTool({ name: "links", inputSchema, meta: { ui: { resourceUri: panel, visibility: ["app"] } } }, () =>
      Effect.succeed({
        content: [
          { type: "resource_link", uri: shared, name: "shared" },
          { type: "resource_link", uri: `test://own/${server}`, name: "own" },
          { type: "resource", resource: { uri: "test://item/7", text: `${server} 7` } },
          text(shared)
        ]
      })
    ),
    rawTool({ name: "open", inputSchema }, (args) =>
      Effect.succeed({ content: [text(JSON.stringify(args))] })
    )
  ]
})

const scope = Scope.makeUnsafe()
const servers = { first: ManagedRuntime.make(service()), second: ManagedRuntime.make(service()) }
const contributions = new Map<string, Contribution>()
const fronts = new Map<string, { readonly runtime: Service; readonly url: URL }>()

const entryOf = {
  "2026-07-28": (url: URL) => ({ url: url.href }),
  "the session era": (url: URL) => ({ url: new URL("/mcp/sse", url).href, type: "sse" })
}

beforeAll(async () => {
  const urls = new Map<string, URL>()
  for (const [name, runtime] of Object.entries(servers)) {
    const contribution = await runtime.runPromise(
      Effect.flatMap(Catalog, (catalog) =>
        Scope.provide(catalog.contribute({ owner: "test", entries: entriesOf(name) }), scope)
      )
    )
    contributions.set(name, contribution)
    urls.set(name, await runtime.runPromise(endpoint))
  }
  for (const [era, toEntry] of Object.entries(entryOf)) {
    const mcpServers = Object.fromEntries([...urls].map(([name, url]) => [name, toEntry(url)]))
    const runtime = ManagedRuntime.make(service({ mcpServers }))
    fronts.set(era, { runtime, url: await runtime.runPromise(endpoint) })
  }
})

afterAll(async () => {
  for (const { runtime } of fronts.values()) await runtime.dispose()
  await Promise.all(Object.values(servers).map((runtime) => runtime.dispose()))
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

const front = (era: string) => {
  const found = fronts.get(era)
  if (found === undefined) throw new Error(`no service for ${era}`)
  return found
}

const contributionOf = (server: string) => {
  const found = contributions.get(server)
  if (found === undefined) throw new Error(`no contribution of ${server}`)
  return found
}

const mapped = "test://second.upstream///shared"
const mappedPanel = "ui://second.upstream///panel/main.html"
const mappedItem = "test://second.upstream///item/"

const cases = Object.keys(entryOf).flatMap((era) =>
  newClients.map(([name, make, version]) => ({ era, name, make, version }))
)

describe.each(cases)("servers of $era, and a client that is $name", ({ era, make, version }) => {
  const using = async <A>(run: (client: Client) => Promise<A>) => {
    const client = make()
    await client.connect(new StreamableHTTPClientTransport(front(era).url))
    return run(client).finally(() => client.close())
  }
  const read = async (client: Client, uri: string) => (await client.readResource({ uri })).contents

  test("lists the resources of both servers, and reads each from its own", () =>
    using(async (client) => {
      const uris = (await client.listResources()).resources.map(({ uri }) => uri)
      for (const uri of [shared, mapped, panel, mappedPanel, "test://own/first", "test://own/second"]) {
        expect(uris).toContain(uri)
      }
      const { resourceTemplates } = await client.listResourceTemplates()
      const templates = resourceTemplates.map(({ uriTemplate }) => uriTemplate)
      expect(templates).toContain("test://item/{id}")
      expect(templates).toContain(`${mappedItem}{id}`)
      const contents = { [shared]: "first", [mapped]: "second", [mappedPanel]: "<p>second</p>" }
      for (const [uri, content] of Object.entries({
        ...contents,
        "test://item/7": "first 7",
        [`${mappedItem}7`]: "second 7"
      })) {
        expect(await read(client, uri)).toMatchObject([{ uri, text: content }])
      }
    }))

  test("follows links of tools and prompts to their own server", () =>
    using(async (client) => {
      const links = async (server: string) =>
        (await client.callTool({ name: `${server}__links`, arguments: {} })).content
      const linked = (uri: string) => ({ type: "resource_link", uri })
      expect(await links("first")).toMatchObject([
        linked(shared),
        linked("test://own/first"),
        { resource: { uri: "test://item/7", text: "first 7" } },
        { text: shared }
      ])
      expect(await links("second")).toMatchObject([
        linked(mapped),
        linked("test://own/second"),
        { resource: { uri: `${mappedItem}7`, text: "second 7" } },
        { text: shared }
      ])
      const { messages } = await client.getPrompt({ name: "second__show" })
      expect(messages).toMatchObject([{ content: { resource: { uri: `${mappedItem}7` } } }])
    }))

  test("gets the user interface of each tool, and passes served URIs back as arguments", () =>
    using(async (client) => {
      const { tools } = await client.listTools()
      const metaOf = (name: string) => tools.find((tool) => tool.name === name)?._meta
      expect(metaOf("first__links")).toMatchObject({ ui: { resourceUri: panel, visibility: ["app"] } })
      expect(metaOf("second__links")).toMatchObject({ ui: { resourceUri: mappedPanel, visibility: ["app"] } })
      const given = { uri: mapped, more: [{ uri: `${mappedItem}7` }], other: "test://second.upstream///none" }
      const opened = await client.callTool({ name: "second__open", arguments: given })
      expect(opened.content).toMatchObject([
        { text: JSON.stringify({ ...given, uri: shared, more: [{ uri: "test://item/7" }] }) }
      ])
      const untouched = await client.callTool({ name: "first__open", arguments: { uri: mapped } })
      expect(untouched.content).toMatchObject([{ text: JSON.stringify({ uri: mapped }) }])
    }))

  test("completes the variables of each server's template", () =>
    using(async (client) => {
      const complete = async (uri: string) =>
        (
          await client.complete({
            ref: { type: "ref/resource", uri },
            argument: { name: "id", value: "" }
          })
        ).completion.values
      expect(await complete("test://item/{id}")).toEqual(["first"])
      expect(await complete(`${mappedItem}{id}`)).toEqual(["second"])
    }))

  test("gets updates of the resource that it subscribed to, from its own server", () =>
    using(async (client) => {
      const updated: Array<string> = []
      let heard = Deferred.makeUnsafe<void>()
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
        updated.push(params.uri)
        Deferred.doneUnsafe(heard, Exit.void)
      })
      const uris = [shared, mapped]
      if (version === "2026-07-28") await client.listen({ resourceSubscriptions: uris })
      else for (const uri of uris) await client.subscribeResource({ uri })
      for (const [server, expected] of [
        ["second", mapped],
        ["first", shared]
      ] as const) {
        updated.length = 0
        heard = Deferred.makeUnsafe()
        await servers[server].runPromise(contributionOf(server).updated(shared))
        await Effect.runPromise(Deferred.await(heard))
        expect(updated).toEqual([expected])
      }
    }))
})

/** Waits until the URIs of the resources of both servers that contain the text are as expected. */
const becomes = (runtime: Service, part: string, expected: ReadonlyArray<string>) =>
  runtime.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const catalog = yield* Catalog
        let changed = Deferred.makeUnsafe<void>()
        yield* catalog.watch(() => void Deferred.doneUnsafe(changed, Exit.void))
        const uris = Effect.map(catalog.resources(stdioUser), ({ items }) =>
          items.map(({ uri }) => uri).filter((uri) => uri.includes(part))
        )
        while (!Bun.deepEquals(yield* uris, expected)) {
          yield* Deferred.await(changed)
          changed = Deferred.makeUnsafe()
        }
      })
    )
  )

test("a URI is mapped as soon as an earlier server lists it, and only as long", async () => {
  const replace = (server: "first" | "second", added: ReadonlyArray<ResourceEntry>) => {
    const { resources = [], ...others } = entriesOf(server)
    const entries = { ...others, resources: [...resources, ...added] }
    return servers[server].runPromise(contributionOf(server).replace(entries))
  }
  const { runtime } = front("2026-07-28")
  await replace("second", [resource("test://late", "second")])
  await becomes(runtime, "late", ["test://late"])
  await replace("first", [resource("test://late", "first")])
  await becomes(runtime, "late", ["test://late", "test://second.upstream///late"])
  await replace("first", [])
  await becomes(runtime, "late", ["test://late"])
  await replace("second", [])
  await becomes(runtime, "late", [])
})

test("a reload that changes only the order of the servers decides again which one keeps a URI", async () => {
  const urls = await Promise.all(Object.values(servers).map((runtime) => runtime.runPromise(endpoint)))
  const [first, second] = urls.map((url) => ({ url: url.href }))
  const run = Effect.gen(function* () {
    const dir = yield* stateFolder
    const file = join(dir, "manifold.json")
    const write = (mcpServers: object) =>
      Effect.promise(() =>
        writeFile(file, JSON.stringify({ logging: { level: "none" }, storage: { dir }, mcpServers }))
      )
    yield* write({ first, second })
    const runtime = yield* Effect.acquireRelease(
      Effect.sync(() =>
        ManagedRuntime.make(serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine)))
      ),
      (made) => made.disposeEffect
    )
    const order = Effect.promise(() => runtime.runPromise(Effect.flatMap(Upstreams, ({ list }) => list)))
    const names = Effect.map(order, (all) => all.map(({ name }) => name))
    const uris = (...expected: ReadonlyArray<string>) => becomes(runtime, "shared", expected)
    yield* Effect.promise(() => uris(mapped, shared))
    yield* write({ second, first })
    yield* Effect.promise(() => runtime.runPromise(Effect.flatMap(ConfigSource, ({ reload }) => reload)))
    yield* Effect.promise(() => uris("test://first.upstream///shared", shared))
    expect(yield* names).toEqual(["second", "first"])
    const read = (uri: string) =>
      runtime.runPromise(
        Effect.flatMap(Catalog, (catalog) => Effect.provide(catalog.read(stdioUser, uri), callServices))
      )
    const { contents } = yield* Effect.promise(() => read(shared))
    expect(contents).toMatchObject([{ text: "second" }])
  })
  await Effect.runPromise(Effect.scoped(run))
})

test("a server that a caller connects over REST and federates gets mapped URIs after all others", async () => {
  const [first, second] = await Promise.all(
    Object.values(servers).map((runtime) => runtime.runPromise(endpoint))
  )
  const run = Effect.gen(function* () {
    const client = newClients[0][1]()
    yield* Effect.promise(async () =>
      client.connect(new StreamableHTTPClientTransport(await runtime.runPromise(endpoint)))
    )
    const urisWith = (part: string) =>
      Effect.promise(async () =>
        (await client.listResources()).resources.map(({ uri }) => uri).filter((uri) => uri.includes(part))
      )
    const connected = {
      transport: "http",
      mcp_url: second?.href,
      auth_type: "none",
      name: "own",
      federate: true
    }
    const client_id = yield* connect(connected)
    const own = `test://own-${client_id.slice(-8)}.upstream///`
    expect(yield* urisWith("shared")).toEqual([`${own}shared`, shared])
    const read = (uri: string) => json(send("/mcp/read_resource", { client_id, uri }))
    for (const [uri, content] of [
      [shared, "second"],
      [`${own}shared`, "second"],
      ["test://item/7", "second 7"],
      [panel, "<p>second</p>"]
    ] as const) {
      expect(yield* read(uri)).toMatchObject({ status: 200, body: { uri, content: { text: content } } })
    }
    const { contents } = yield* Effect.promise(() => client.readResource({ uri: shared }))
    expect(contents).toMatchObject([{ text: "first" }])
    const listed = yield* json(get(`/mcp/list_resources?client_id=${client_id}`))
    expect(JSON.stringify(listed.body)).not.toContain(own)
    yield* send("/mcp/disconnect", { client_id })
    expect(yield* urisWith("shared")).toEqual([shared])
    yield* Effect.promise(() => client.close())
  })
  const runtime = ManagedRuntime.make(service({ mcpServers: { first: { url: first?.href } } }))
  await runtime.runPromise(run)
  await runtime.dispose()
})
