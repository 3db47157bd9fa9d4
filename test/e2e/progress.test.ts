/** Progress of a real tool in every client: notifications before the response, and events on the channel. */
import { describe, expect } from "bun:test"
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Effect } from "effect"
import { newClients } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  events,
  initialize,
  interrupted,
  openSession,
  post,
  request,
  service,
  started
} from "../support/service.ts"
import { site } from "../support/sites.ts"
import { startStdio } from "../support/stdio.ts"
import { webSocket } from "../support/webSocket.ts"

const config = { outbound: { allow_private: ["127.0.0.0/8"] } }

const page = Effect.map(
  site(() => new Response("<p>words</p>", { headers: { "content-type": "text/html" } })),
  ({ port }) => `http://127.0.0.1:${port}/`
)

const steps = ["connect", "download", "extract"]
const messages = [
  /^Waiting for 127\.0\.0\.1:\d+$/,
  /^Downloading from 127\.0\.0\.1:\d+$/,
  /^Extracting text$/,
  /^Done$/
]

const call = (id: number, url: string, meta: object = { progressToken: "p" }) =>
  request(id, "tools/call", { name: "web.fetch_url", arguments: { url }, _meta: meta })

interface Update {
  readonly progressToken?: unknown
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

const expectSteps = (updates: ReadonlyArray<Update>) => {
  expect(updates.map(({ message }) => message)).toEqual(
    expect.arrayContaining(messages.map((message) => expect.stringMatching(message)))
  )
  expect(updates.every(({ total }) => total === 100)).toBe(true)
  const figures = updates.map(({ progress }) => progress)
  expect(figures).toEqual([...new Set(figures)].toSorted((a, b) => a - b))
  expect(figures.at(-1)).toBe(100)
}

/** Reads progress notifications until the response, and checks that none follows. */
const readCall = Effect.fnUntraced(function* (
  next: Effect.Effect<Record<string, unknown> | undefined>,
  send: (message: unknown) => Effect.Effect<void>,
  url: string
) {
  const updates: Array<Update> = []
  yield* send(call(1, url))
  for (let message = yield* next; message?.id !== 1; message = yield* next) {
    expect(message?.method).toBe("notifications/progress")
    updates.push(message?.params as Update)
  }
  yield* send(request(2, "ping"))
  expect(yield* next).toMatchObject({ id: 2 })
  expect(updates.every(({ progressToken }) => progressToken === "p")).toBe(true)
  expectSteps(updates)
})

describe("notifications", () => {
  it.live("a client on stdio gets progress notifications before its response", () =>
    Effect.gen(function* () {
      const { next, send } = yield* startStdio({ MCP_CONFIG_JSON: JSON.stringify(config) })
      yield* send(initialize())
      yield* next
      yield* readCall(next, send, yield* page)
    })
  )

  it.live("a client on WebSocket gets progress notifications before its response", () =>
    Effect.gen(function* () {
      const { host } = yield* endpoint
      const { next, send } = yield* webSocket(new URL(`ws://${host}/mcp/ws`))
      yield* send(initialize())
      yield* next
      yield* readCall(next, send, yield* page)
    }).pipe(Effect.provide(service(config)))
  )

  for (const [name, make] of newClients) {
    it.live(`${name} on streamable HTTP gets progress notifications`, () =>
      Effect.gen(function* () {
        const [url, at] = [yield* page, yield* endpoint]
        const updates: Array<Update> = []
        yield* Effect.promise(async () => {
          const client = make()
          await client.connect(new StreamableHTTPClientTransport(at))
          const params = { name: "web.fetch_url", arguments: { url } }
          await client.callTool(params, { onprogress: (progress) => updates.push(progress) })
          await client.close()
        })
        expectSteps(updates)
      }).pipe(Effect.provide(service(config)))
    )
  }

  it.live("a client without a progress token gets no notifications", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const session = yield* openSession(url)
      const response = yield* post(url, call(1, yield* page, {}), session)
      const text = yield* Effect.promise(() => response.text())
      expect(text).toContain('"id":1')
      expect(text).not.toContain("notifications/progress")
    }).pipe(Effect.provide(service(config)))
  )
})

const fields = [
  "correlation_id",
  "details",
  "elapsed_ms",
  "eta_ms",
  "event_type",
  "progress_percent",
  "request_id",
  "step",
  "tool"
]

const expectEvents = (received: ReadonlyArray<Record<string, unknown>>) => {
  for (const event of received) {
    expect(Object.keys(event).toSorted()).toEqual(fields)
    expect(event).toMatchObject({ tool: "web.fetch_url", request_id: received[0]?.request_id })
  }
  expect(received[0]?.event_type).toBe("progress_started")
  expect(received.map(({ step }) => step)).toEqual(expect.arrayContaining(steps))
  expect(received.at(-1)).toMatchObject({ event_type: "progress_completed", progress_percent: 100 })
}

describe("the channel `progress`", () => {
  it.live("the channel on SSE has the events of calls on any transport", () =>
    Effect.gen(function* () {
      const url = yield* endpoint
      const signal = yield* Effect.abortSignal
      const stream = yield* Effect.promise(() =>
        fetch(new URL("/mcp/sse?client_id=a&multiplex=true", url), { signal })
      )
      const read = Effect.promise(async () => {
        const received: Array<Record<string, unknown>> = []
        for await (const { data, event } of events(stream)) {
          if (event !== "progress") continue
          received.push(JSON.parse(data) as Record<string, unknown>)
          if (received.at(-1)?.event_type === "progress_completed") break
        }
        return received
      })
      yield* post(url, call(1, yield* page, {}), yield* openSession(url))
      expectEvents(yield* read)
    }).pipe(Effect.provide(service(config)))
  )

  it.live("the channel on WebSocket has the events for subscribers, including the end of a call", () =>
    Effect.gen(function* () {
      const { host } = yield* endpoint
      const open = webSocket(new URL(`ws://${host}/mcp/ws`))
      const [listening, calling] = [yield* open, yield* open]
      yield* listening.send({ type: "subscribe", channels: ["progress"] })
      expect(yield* listening.next).toEqual({ type: "subscribed", channels: ["progress"] })
      yield* calling.send(initialize())
      yield* calling.next
      yield* calling.send(call(1, yield* page, {}))
      expect(yield* calling.next).toMatchObject({ id: 1 })
      const received: Array<Record<string, unknown>> = []
      while (received.at(-1)?.event_type !== "progress_completed") {
        const frame = yield* listening.next
        expect(frame).toMatchObject({ type: "event", channel: "progress" })
        received.push(frame?.data as Record<string, unknown>)
      }
      expectEvents(received)

      yield* calling.send(request(2, "tools/call", { name: "tick", _meta: { progressToken: "p" } }))
      yield* started
      expect(yield* calling.next).toMatchObject({
        params: { progressToken: "p", progress: 1, total: 2, message: "half" }
      })
      const data = { tool: "tick", step: null, progress_percent: 50 }
      expect(yield* listening.next).toMatchObject({ data: { ...data, event_type: "progress_started" } })
      yield* calling.send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: 2 } })
      yield* interrupted
      expect(yield* listening.next).toMatchObject({ data: { ...data, event_type: "progress_interrupted" } })
    }).pipe(Effect.provide(service(config)))
  )
})
