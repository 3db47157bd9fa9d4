/** Requests over streamable HTTP to a server that answers in every way that HTTP allows. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { Deferred, Duration, Effect, Exit, Fiber, Scope } from "effect"
import type { Connection } from "../../../layers/upstream/Connection.ts"
import { openConnection } from "../../../layers/upstream/openConnection.ts"
import { stdioServices } from "../../support/stdioServices.ts"

const headersOf: Array<Headers> = []
const aborted = Deferred.makeUnsafe<void>()
const arrived = Deferred.makeUnsafe<void>()
const cancelled: Array<unknown> = []
const notifications: Array<string> = []

const stream = (text: string) => new Response(text, { headers: { "content-type": "text/event-stream" } })
const event = (message: object, id?: string) =>
  `${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`

let waiting: unknown

const maxBytes = 1_000_000

const tool = (request: Request, name: string, id: unknown): Response | Promise<Response> => {
  const result = { content: [{ type: "text", text: name }], resultType: "complete" }
  switch (name) {
    case "stream":
      return stream(
        event({ method: "notifications/message", params: { level: "info", data: "before" } }) +
          event({
            method: "notifications/progress",
            params: { progressToken: id, progress: 0.5, total: 1 }
          }) +
          event({ id, result })
      )
    case "resumed":
      waiting = id
      return stream("retry: 1\nid: 7\ndata:\n\n")
    case "noisy":
      return stream(
        event({ method: "notifications/message", params: { level: "info", data: "x".repeat(maxBytes) } }) +
          event({ id, result })
      )
    case "large":
      return stream(event({ result: { ...result, text: "x".repeat(maxBytes) }, id }, "1"))
    case "broken":
      return stream(": nothing\n\n")
    case "silent":
      return Response.json({ jsonrpc: "2.0", id: "other", result })
    case "text":
      return new Response("hello", { headers: { "content-type": "text/plain" } })
    case "rejected":
      return Response.json({ jsonrpc: "2.0", id, error: { code: -32_602, message: "No.", data: { a: 1 } } })
    case "busy":
      return new Response("try later", { status: 503 })
    case "moved":
      if (request.url.endsWith("/moved")) return Response.json({ jsonrpc: "2.0", id, result })
      return new Response(null, { status: 307, headers: { location: "/moved" } })
    case "hangs": {
      request.signal.addEventListener("abort", () => Deferred.doneUnsafe(aborted, Exit.void))
      Deferred.doneUnsafe(arrived, Exit.void)
      return new Promise(() => {})
    }
    default:
      return Response.json({ jsonrpc: "2.0", id, result })
  }
}

const answer = async (request: Request): Promise<Response> => {
  if (request.method === "GET") {
    if (request.headers.get("last-event-id") !== "7") return new Response(null, { status: 405 })
    return stream(event({ id: waiting, result: { content: [{ type: "text", text: "later" }] } }, "8"))
  }
  if (request.method !== "POST") return new Response(null, { status: 405 })
  const { id, method, params } = (await request.json()) as {
    id?: unknown
    method: string
    params: { name: string }
  }
  if (method === "notifications/cancelled") cancelled.push(params)
  if (id === undefined) return new Response(null, { status: 202 })
  if (method === "initialize") {
    const capabilities = { tools: {} }
    const serverInfo = { name: "test", version: "1" }
    return Response.json({
      jsonrpc: "2.0",
      id,
      result: { protocolVersion: "2025-11-25", capabilities, serverInfo }
    })
  }
  if (method !== "tools/call") return new Response(null, { status: 400 })
  headersOf.push(request.headers)
  return tool(request, params.name, id)
}

const scope = Scope.makeUnsafe()
let connection: Connection

const settings = (url: string) => ({
  enabled: true,
  url,
  headers: {},
  time_limit: Duration.minutes(1)
})

beforeAll(async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
  await Effect.runPromise(
    Scope.addFinalizer(
      scope,
      Effect.promise(() => server.stop(true))
    )
  )
  connection = await Effect.runPromise(
    openConnection({
      server: "test",
      settings: settings(new URL("/mcp", server.url).href),
      maxMessageBytes: maxBytes,
      timeout: Duration.seconds(20),
      ask: () => Promise.reject(new Error("no")),
      onNotification: (method) => notifications.push(method)
    }).pipe(Effect.provideService(Scope.Scope, scope), Effect.provide(stdioServices))
  )
})

afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const call = (name: string) => connection.request("tools/call", { name, arguments: {} })
const run = (name: string) => Effect.runPromise(call(name))
const failure = (name: string) => Effect.runPromise(Effect.flip(call(name)))

test("a JSON response is the result, without its type, and requests repeat the protocol version", async () => {
  expect(await run("json")).toEqual({ content: [{ type: "text", text: "json" }] })
  expect(headersOf.at(-1)?.get("mcp-protocol-version")).toBe("2025-11-25")
})

test("notifications of an event stream arrive before the response", async () => {
  const progress: Array<unknown> = []
  const result = connection.request(
    "tools/call",
    { name: "stream" },
    { onProgress: (update) => progress.push([update, notifications.length]) }
  )
  expect(await Effect.runPromise(result)).toMatchObject({ content: [{ text: "stream" }] })
  expect(progress).toEqual([[{ progress: 0.5, total: 1 }, 1]])
})

test("an event stream that ends before the response is resumed after its last event", async () => {
  expect(await run("resumed")).toMatchObject({ content: [{ text: "later" }] })
})

test("a message that is too large fails the request that it answers, and no other", async () => {
  expect(await failure("large")).toMatchObject({
    stage: "call",
    detail: `the server sent a message of more than ${maxBytes} bytes (server.max_message_bytes)`
  })
  expect(await run("noisy")).toMatchObject({ content: [{ text: "noisy" }] })
})

test("a response that cannot be the result is an error that says what the server did", async () => {
  expect(await failure("broken")).toMatchObject({ detail: "the server ended the stream before its response" })
  expect(await failure("silent")).toMatchObject({ detail: "the server sent no response to the request" })
  expect(await failure("text")).toMatchObject({
    detail: 'the server answered tools/call with the content type "text/plain"'
  })
  expect(await failure("busy")).toMatchObject({
    detail: "the server answered tools/call with HTTP 503: try later",
    unsent: false
  })
  expect(await failure("rejected")).toMatchObject({ code: -32_602, detail: "No.", data: { a: 1 } })
})

test("a redirect within the origin is followed", async () => {
  expect(await run("moved")).toMatchObject({ content: [{ text: "moved" }] })
})

test("an interrupted request is cancelled at the server, and its HTTP request ends", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(call("hangs"))
      yield* Deferred.await(arrived)
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(aborted)
    })
  )
  expect(cancelled).toMatchObject([{ requestId: expect.any(String) }])
})
