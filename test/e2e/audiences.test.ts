/** Entries with an audience: only its principals are notified and can list, call or subscribe. */
import { expect } from "bun:test"
import { Deferred, Effect } from "effect"
import { Client as ModernClient, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { rawTool } from "../../src/catalog/rawTool.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { text } from "../../src/domain/Content.ts"
import { Principal } from "../../src/domain/Principal.ts"
import { it } from "../support/effect.ts"
import { endpoint, events, openSession, post, readJson, request, service } from "../support/service.ts"

const secret = (name: string) => `${name}-0123456789abcdef0123456789abcdef`
const bearer = (name: string) => ({ authorization: `Bearer ${secret(name)}` })
const tokens = ["alice", "bob"].map((name) => ({ name, token: secret(name) }))

const alice = new Principal({
  subject: "alice",
  clientId: "alice",
  scopes: ["read", "call"],
  ceiling: ["read", "call"],
  source: "api-token"
})

const hers = rawTool({ name: "hers", inputSchema: { type: "object" } }, () =>
  Effect.succeed({ content: [text("hello")] })
)
const notes = {
  uri: "notes://alice",
  name: "notes",
  scopes: ["read"],
  read: Effect.succeed({ contents: [{ uri: "notes://alice", text: "secret" }] })
}

const listStream = (url: URL, session: Record<string, string>) =>
  Effect.promise(() => fetch(url, { headers: { accept: "text/event-stream", ...session } }))

it.live("a session is notified only of changes that concern it", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const [first, second] = [
      yield* openSession(url, "2025-11-25", bearer("alice")),
      yield* openSession(url, "2025-11-25", bearer("bob"))
    ]
    const [herStream, hisStream] = [yield* listStream(url, first), yield* listStream(url, second)]
    const catalog = yield* Catalog
    const mine = { owner: "alice", entries: { tools: [hers] }, visibleTo: { principal: alice.key } }
    yield* catalog.contribute(mine)
    // A public entry, of which Bob is notified.
    yield* catalog.changed("prompts")
    const received = (response: Response, count: number) =>
      Effect.promise(async () => {
        const methods: Array<string> = []
        for await (const { data } of events(response)) {
          if (data === "") continue
          methods.push((JSON.parse(data) as { method: string }).method)
          if (methods.length === count) return methods
        }
        return methods
      })
    expect(yield* received(herStream, 2)).toEqual([
      "notifications/tools/list_changed",
      "notifications/prompts/list_changed"
    ])
    expect(yield* received(hisStream, 1)).toEqual(["notifications/prompts/list_changed"])

    const call = request(1, "tools/call", { name: "hers", arguments: {} })
    expect(yield* readJson(yield* post(url, call, first))).toMatchObject({
      result: { content: [{ text: "hello" }] }
    })
    expect(yield* readJson(yield* post(url, call, second))).toMatchObject({
      error: { code: -32602, message: "Unknown tool: hers" }
    })
  }).pipe(Effect.provide(service({ auth: { tokens } })))
)

it.live("a subscription to a resource of another principal or to an unknown one is rejected", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    yield* (yield* Catalog).contribute({
      owner: "alice",
      entries: { resources: [notes] },
      visibleTo: { principal: alice.key }
    })
    const subscribe = Effect.fnUntraced(function* (name: string, uri: string) {
      const session = yield* openSession(url, "2025-11-25", bearer(name))
      return yield* readJson(yield* post(url, request(1, "resources/subscribe", { uri }), session))
    })
    expect(yield* subscribe("alice", notes.uri)).toMatchObject({ result: {} })
    const missing = { error: { code: -32602, message: `Resource not found: ${notes.uri}` } }
    expect(yield* subscribe("bob", notes.uri)).toMatchObject(missing)
    expect(yield* subscribe("alice", "foo://bar")).toMatchObject({ error: { code: -32602 } })
  }).pipe(Effect.provide(service({ auth: { tokens } })))
)

it.live("a stateless subscription is notified only of changes that concern its principal", () =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const listen = Effect.fnUntraced(function* (name: string) {
      const received: Array<string> = []
      const prompts = yield* Deferred.make<void>()
      const client = new ModernClient(
        { name: "test", version: "1" },
        { versionNegotiation: { mode: { pin: "2026-07-28" } } }
      )
      client.setNotificationHandler("notifications/tools/list_changed", () => void received.push("tools"))
      client.setNotificationHandler("notifications/prompts/list_changed", () => {
        received.push("prompts")
        Deferred.doneUnsafe(prompts, Effect.void)
      })
      yield* Effect.acquireRelease(
        Effect.promise(async () => {
          await client.connect(
            new StreamableHTTPClientTransport(url, { requestInit: { headers: bearer(name) } })
          )
          await client.listen({ toolsListChanged: true, promptsListChanged: true })
        }),
        () => Effect.promise(() => client.close())
      )
      return { received, notified: Deferred.await(prompts) }
    })
    const [her, his] = [yield* listen("alice"), yield* listen("bob")]
    const catalog = yield* Catalog
    yield* catalog.contribute({
      owner: "alice",
      entries: { tools: [hers] },
      visibleTo: { principal: alice.key }
    })
    yield* catalog.changed("prompts")
    yield* her.notified
    yield* his.notified
    expect([her.received, his.received]).toEqual([["tools", "prompts"], ["prompts"]])
  }).pipe(Effect.provide(service({ auth: { tokens } })))
)
