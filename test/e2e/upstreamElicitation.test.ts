/** Finished pages of URL elicitation: the notification of an upstream server reaches the caller that got the page, and no other. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { StreamableHTTPClientTransport, type Client } from "@modelcontextprotocol/client"
import { Server } from "@modelcontextprotocol/sdk/server/index.js"
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  UrlElicitationRequiredError
} from "@modelcontextprotocol/sdk/types.js"
import { ManagedRuntime } from "effect"
import { newClients, pinned } from "../support/clients.ts"
import { oldServer } from "../support/oldServer.ts"
import { endpoint, service } from "../support/service.ts"

const session = newClients[0][1]
const url = "https://pages.example/form"
const tools = ["during", "after", "required"].map((name) => ({
  name,
  inputSchema: { type: "object" as const, properties: {} }
}))

/** Says that the page was finished, outside of any request. */
let finish: (elicitationId: string) => Promise<void> = async () => {}

const makeServer = () => {
  const server = new Server({ name: "pages", version: "1" }, { capabilities: { tools: {} } })
  let count = 0
  finish = (id) => server.createElicitationCompletionNotifier(id)()
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { requestId }) => {
    const elicitationId = `${params.name}-${++count}`
    const asked = { mode: "url" as const, message: "Fill in the form.", url, elicitationId }
    if (params.name === "required") throw new UrlElicitationRequiredError([asked])
    const { action } = await server.elicitInput(asked, { relatedRequestId: requestId })
    if (params.name === "during") {
      await server.createElicitationCompletionNotifier(elicitationId, { relatedRequestId: requestId })()
    }
    return { content: [{ type: "text", text: `${action} ${elicitationId}` }] }
  })
  return server
}

const upstream = oldServer()
const front = ManagedRuntime.make(service({ mcpServers: { pages: { url: upstream.url } } }))
let address: URL

beforeAll(async () => {
  await upstream.connect(makeServer())
  address = await front.runPromise(endpoint)
})

afterAll(async () => {
  await front.dispose()
  await upstream.stop()
})

/** A client that accepts pages, and the ids of those that were finished. */
const visitor = async (make: (options: object) => Client) => {
  const client = make({ capabilities: { elicitation: { url: {} } } })
  const finished: Array<string> = []
  const waiting: Array<() => void> = []
  client.setRequestHandler("elicitation/create", () => ({ action: "accept" }))
  client.setNotificationHandler(
    "notifications/elicitation/complete",
    { params: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } } },
    (params) => {
      finished.push((params as { elicitationId: string }).elicitationId)
      for (const resume of waiting.splice(0)) resume()
    }
  )
  await client.connect(new StreamableHTTPClientTransport(address))
  return {
    client,
    finished,
    next: () => new Promise<void>((resolve) => waiting.push(resolve)),
    call: async (name: string) => {
      const { content } = await client.callTool({ name: `pages__${name}`, arguments: {} })
      const [first] = content
      return first?.type === "text" ? first.text : ""
    }
  }
}

test("a page that is finished during the call is reported before its result", async () => {
  const { call, client, finished } = await visitor(session)
  expect(await call("during")).toBe(`accept ${finished[0]}`)
  expect(finished).toHaveLength(1)
  await client.close()
})

test("a page that is finished after the call is reported to the caller that got it only, and once", async () => {
  await upstream.streaming
  const [one, other] = [await visitor(session), await visitor(session)]
  const [, id = ""] = (await one.call("after")).split(" ")
  const told = one.next()
  await finish(id)
  await told
  await finish(id)
  // The next page is reported after the repeated one.
  const [, second = ""] = (await one.call("after")).split(" ")
  const again = one.next()
  await finish(second)
  await again
  expect(one.finished).toEqual([id, second])
  expect(other.finished).toEqual([])
  await one.client.close()
  await other.client.close()
})

test("a page that a failed call requires is reported to its caller", async () => {
  await upstream.streaming
  const { client, finished, next } = await visitor(session)
  const failure = await client.callTool({ name: "pages__required", arguments: {} }).then(
    () => undefined,
    (error: unknown) => error as { code: number; data: { elicitations: [{ elicitationId: string }] } }
  )
  expect(failure).toMatchObject({ code: -32_042, data: { elicitations: [{ mode: "url", url }] } })
  const id = failure?.data.elicitations[0].elicitationId ?? ""
  const told = next()
  await finish(id)
  await told
  expect(finished).toEqual([id])
  await client.close()
})

test("a client of 2026-07-28 visits the page and gets no notification, which that revision does not have", async () => {
  const { call, client, finished } = await visitor(pinned)
  expect(await call("during")).toMatch(/^accept during-/)
  expect(finished).toEqual([])
  await client.close()
})
