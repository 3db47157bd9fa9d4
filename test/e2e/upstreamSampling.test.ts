/** Sampling requests of upstream servers for a client without a model: the active model answers, within the caller's budget. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { Effect, Exit, type Layer, ManagedRuntime, Scope } from "effect"
import { newClients } from "../support/clients.ts"
import { statelessUpstream } from "../support/matrix/statelessUpstream.ts"
import { chunk, done, events, server, usage } from "../support/models.ts"
import { endpoint, service } from "../support/service.ts"
import { sessionUpstreamOverHttp } from "../support/matrix/upstreams.ts"

type Service = ManagedRuntime.ManagedRuntime<Layer.Success<ReturnType<typeof service>>, unknown>

/** As the provider reports it. */
const model = "gpt-4o-2024-08-06"

const scope = Scope.makeUnsafe()
const stateless: Service = ManagedRuntime.make(service())
const session = sessionUpstreamOverHttp("session")
let provider: Effect.Success<ReturnType<typeof server>>
let front: Service

beforeAll(async () => {
  provider = await Effect.runPromise(
    Scope.provide(
      server(() => events([chunk({ content: "Hi" }, { finish: "stop" }), usage(9, 2), done])),
      scope
    )
  )
  await stateless.runPromise(Scope.provide(statelessUpstream("stateless"), scope))
  const url = (await stateless.runPromise(endpoint)).href
  front = ManagedRuntime.make(
    service({
      llm: { active: "own", providers: { own: { base_url: provider.url, model: "tiny-model" } } },
      mcpServers: {
        session: { url: session.url.href },
        stateless: { url },
        without: { url: session.url.href, sampling: false }
      }
    })
  )
  await front.runPromise(endpoint)
})

afterAll(async () => {
  await front.dispose()
  await stateless.dispose()
  await session.stop(true)
  await Effect.runPromise(Scope.close(scope, Exit.void))
})

const using = async (client: Client, name: string) => {
  await client.connect(new StreamableHTTPClientTransport(await front.runPromise(endpoint)))
  return client.callTool({ name, arguments: {} }).finally(() => client.close())
}

test.each(["session", "stateless"])("the active model answers the server of the era %s", async (name) => {
  for (const [, make] of [newClients[0], newClients[2]]) {
    const before = provider.requests.length
    expect(await using(make(), `${name}__sample`)).toMatchObject({ content: [{ text: model }] })
    expect(provider.requests.slice(before)).toMatchObject([
      { body: { messages: [{ role: "user", content: expect.anything() }] } }
    ])
  }
})

test("a client with a model answers itself", async () => {
  const before = provider.requests.length
  const client = newClients[0][1]({ capabilities: { sampling: {} } })
  client.setRequestHandler("sampling/createMessage", () => ({
    role: "assistant",
    model: "mine",
    content: { type: "text", text: "Hi" }
  }))
  expect(await using(client, "stateless__sample")).toMatchObject({ content: [{ text: "mine" }] })
  expect(provider.requests.length).toBe(before)
})

test("a server without permission gets an error", async () => {
  const failure = await using(newClients[0][1](), "without__sample").catch((error: unknown) => error)
  expect(String(failure)).toContain("The client does not support sampling/createMessage.")
})
