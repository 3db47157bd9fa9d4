/** Federation of upstream servers: a service in front of another service, of a session server and of a process. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { Deferred, Effect, Exit, type Layer, ManagedRuntime, Scope } from "effect"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { NotFound } from "../../src/catalog/CatalogError.ts"
import type { Entries } from "../../src/catalog/Entry.ts"
import { text } from "../../src/domain/Content.ts"
import { newClients, pinned } from "../support/clients.ts"
import { endpoint, service } from "../support/service.ts"
import { sessionServer } from "../support/sessionServer.ts"

const session = newClients[0][1]

/** Entries of the upstream service. */
const entries: Entries = {
  prompts: [
    {
      name: "greet",
      scopes: ["call"],
      arguments: [
        {
          name: "name",
          required: true,
          complete: (typed) =>
            Effect.succeed(["Ada", "Alan", "Grace"].filter((each) => each.startsWith(typed)))
        }
      ],
      get: ({ name = "" }) => Effect.succeed({ messages: [{ role: "user", content: text(`Hello ${name}`) }] })
    }
  ],
  resources: [
    {
      uri: "far://state",
      name: "state",
      scopes: ["read"],
      read: Effect.succeed({ contents: [{ uri: "far://state", text: "on" }] })
    }
  ],
  templates: [
    {
      uriTemplate: "far://item/{id}",
      name: "item",
      scopes: ["read"],
      complete: { id: () => Effect.succeed(["1", "2"]) },
      read: (uri) => Effect.fail(new NotFound({ kind: "resource", name: uri }))
    }
  ]
}

const scope = Scope.makeUnsafe()
const behind = ManagedRuntime.make(service())
let front: ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>
let sessions: Effect.Success<typeof sessionServer>
let url: URL

beforeAll(async () => {
  sessions = await Effect.runPromise(Scope.provide(sessionServer, scope))
  const far = await behind.runPromise(endpoint)
  await behind.runPromise(Effect.flatMap(Catalog, (catalog) => Scope.provide(catalog.add(entries), scope)))
  front = ManagedRuntime.make(
    service({
      mcp: { connection: { initial_reconnect_delay: "20 millis" } },
      mcpServers: { far: { url: far.href }, sessions: { url: sessions.url } }
    })
  )
  url = await front.runPromise(endpoint)
})

afterAll(async () => {
  await front.dispose()
  await behind.dispose()
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

const connect = async (client: Client) => {
  await client.connect(new StreamableHTTPClientTransport(url))
  return client
}

test("an input request of a 2026-07-28 server reaches the caller of that call, with several callers at once", async () => {
  const names = ["Ada", "Alan", "Grace", "Edsger"]
  const results = await Promise.all(
    names.map(async (name, index) => {
      const client = (index % 2 === 0 ? session : pinned)({ capabilities: { elicitation: { form: {} } } })
      client.setRequestHandler("elicitation/create", () => ({ action: "accept", content: { name } }))
      await connect(client)
      const result = await client.callTool({ name: "far__ask", arguments: {} })
      await client.close()
      return result.content
    })
  )
  expect(results).toMatchObject(names.map((name) => [{ text: `Hello ${name}` }]))
})

test("a call that needs a capability of its caller fails with the name of the capability", async () => {
  const client = await connect(session())
  const failure = await client.callTool({ name: "far__ask", arguments: {} }).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: -32_021, data: { requiredCapabilities: { elicitation: {} } } })
  await client.close()
})

test("an updated resource of a 2026-07-28 server notifies the subscriber", async () => {
  const updated = Deferred.makeUnsafe<string>()
  const client = await connect(session())
  client.setNotificationHandler(
    "notifications/resources/updated",
    ({ params }) => void Deferred.doneUnsafe(updated, Exit.succeed(params.uri))
  )
  await client.subscribeResource({ uri: "far://state" })
  await behind.runPromise(Effect.flatMap(Catalog, (catalog) => catalog.updated("far://state")))
  expect(await Effect.runPromise(Deferred.await(updated))).toBe("far://state")
  await client.close()
})

test("arguments of prompts and variables of templates are completed by their server", async () => {
  const client = await connect(pinned())
  const complete = async (ref: Parameters<Client["complete"]>[0]["ref"], name: string, value: string) =>
    (await client.complete({ ref, argument: { name, value } })).completion.values
  expect(await complete({ type: "ref/prompt", name: "far__greet" }, "name", "A")).toEqual(["Ada", "Alan"])
  expect(await complete({ type: "ref/resource", uri: "far://item/{id}" }, "id", "")).toEqual(["1", "2"])
  await client.close()
})

test("tools list and read the resources of the whole endpoint", async () => {
  const client = await connect(pinned())
  const listed = await client.callTool({ name: "list_resources", arguments: {} })
  expect(listed.structuredContent).toMatchObject({
    resources: expect.arrayContaining([expect.objectContaining({ uri: "far://state" })]),
    templates: expect.arrayContaining([expect.objectContaining({ uriTemplate: "far://item/{id}" })])
  })
  const read = await client.callTool({ name: "read_resource", arguments: { uri: "far://state" } })
  expect(read.content).toMatchObject([{ type: "resource", resource: { uri: "far://state", text: "on" } }])
  const missing = await client.callTool({ name: "read_resource", arguments: { uri: "far://none" } })
  expect(missing.isError).toBe(true)
  await client.close()
})

test("instructions of the servers are part of the endpoint's own", async () => {
  const client = await connect(pinned())
  expect(client.getInstructions()).toContain("# sessions")
  expect(client.getInstructions()).toContain("Count slowly.")
  expect(client.getInstructions()).toContain("sessions__")
  await client.close()
})

test("a JSON-RPC error of the server keeps its code and data", async () => {
  const client = await connect(pinned())
  const failure = await client.readResource({ uri: "far://item/3" }).then(
    () => undefined,
    (error: unknown) => error
  )
  expect(failure).toMatchObject({ code: -32_602, data: { uri: "far://item/3" } })
  await client.close()
})

test("a session that the server has dropped is opened again without an error for the caller", async () => {
  const client = await connect(session())
  const count = async () => (await client.callTool({ name: "sessions__count", arguments: {} })).content
  expect(await count()).toMatchObject([{ text: "1" }])
  const before = sessions.opened()
  sessions.forget()
  expect(await count()).toMatchObject([{ text: "2" }])
  expect(sessions.opened()).toBe(before + 1)
  await client.close()
})
