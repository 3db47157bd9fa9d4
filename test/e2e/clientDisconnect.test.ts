/** Clients that disconnect while calls run and are queued: both calls end, are counted and free their slots. */
import { describe, expect } from "bun:test"
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js"
import { SSEClientTransport as OldSse } from "@modelcontextprotocol/sdk/client/sse.js"
import { WebSocketClientTransport as OldSocket } from "@modelcontextprotocol/sdk/client/websocket.js"
import { Deferred, Effect, Layer, type Scope } from "effect"
import { Guard } from "../../layers/guard/Guard.ts"
import { Calls } from "../../layers/ledger/Calls.ts"
import type { Listener } from "../../layers/http/Listener.ts"
import { info } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import {
  endpoint,
  Held,
  initialize,
  interrupted,
  openSession,
  post,
  request,
  service,
  started,
  stateless
} from "../support/service.ts"
import { rawSite } from "../support/sites.ts"
import { startStdio } from "../support/stdio.ts"

const limits = { tools: { wait: { concurrency: 1 } } }

/** A client that can disconnect. */
const connection = () => new AbortController()

/** How each call of `wait` ended. */
const outcomes = Effect.gen(function* () {
  const calls = yield* Calls
  const all: Array<string> = []
  yield* calls.observe({
    finished: ({ name }, { status }) => {
      if (name === "wait") all.push(status)
    }
  })
  return all
})

type Services = Listener | Guard | Calls | Held | Scope.Scope

interface Leaving {
  readonly leave: Effect.Effect<unknown>
}

/** Starts one running and one queued call with `come`, disconnects, and checks that both ended. */
const leaves = (come: Effect.Effect<Leaving, unknown, Services>) =>
  Effect.gen(function* () {
    const guard = yield* Guard
    const ends = yield* outcomes
    const { leave } = yield* come
    yield* started
    yield* Effect.repeat(guard.state, { until: ({ running, waiting }) => running === 1 && waiting === 1 })
    yield* leave
    yield* interrupted
    // A queued call may get the slot before its disconnection is noticed.
    yield* Effect.repeat(guard.state, {
      until: ({ running, waiting }) => running === 0 && waiting === 0 && ends.length === 2
    })
    expect(ends).toEqual(["interrupted", "interrupted"])
    // The one slot is free again.
    const { release } = yield* Held
    yield* Deferred.succeed(release, undefined)
    const url = yield* endpoint
    const response = yield* post(url, request(9, "tools/call", { name: "wait" }), yield* openSession(url))
    expect(yield* Effect.promise(() => response.text())).toContain("released")
  })

const wait = (id: number) => request(id, "tools/call", { name: "wait" })

/** Starts two calls in one session; resolves with the URL and the headers of the session. */
const inSession = (signal?: AbortSignal) =>
  Effect.gen(function* () {
    const url = yield* endpoint
    const session = yield* openSession(url)
    for (const id of [1, 2]) yield* Effect.forkScoped(Effect.exit(post(url, wait(id), session, signal)))
    return { url, session }
  })

describe("a running and a queued call are interrupted", () => {
  it.live("by notifications/cancelled in a session", () =>
    leaves(
      Effect.map(inSession(), ({ session, url }) => ({
        leave: Effect.forEach([2, 1], (requestId) =>
          post(url, { jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } }, session)
        )
      }))
    ).pipe(Effect.provide(service({ limits })))
  )

  it.live("by DELETE of its session", () =>
    leaves(
      Effect.map(inSession(), ({ session, url }) => ({
        leave: Effect.promise(() => fetch(url, { method: "DELETE", headers: session }))
      }))
    ).pipe(Effect.provide(service({ limits })))
  )

  it.live("by closing the streams of the session, after the resume window", () => {
    const leave = connection()
    return leaves(Effect.as(inSession(leave.signal), { leave: Effect.sync(() => leave.abort()) })).pipe(
      Effect.provide(service({ limits, mcp: { sessions: { resume_window: "100 millis" } } }))
    )
  })

  it.live("by closing their requests without a session", () =>
    leaves(
      Effect.gen(function* () {
        const url = yield* endpoint
        const leave = connection()
        for (const id of [1, 2]) {
          const { body, headers } = stateless(id, "tools/call", { name: "wait", arguments: {} })
          yield* Effect.forkScoped(Effect.exit(post(url, body, headers, leave.signal)))
        }
        return { leave: Effect.sync(() => leave.abort()) }
      })
    ).pipe(Effect.provide(service({ limits })))
  )

  for (const [name, transport] of [
    ["its event stream", (url: URL) => new OldSse(new URL("/mcp/sse", url))],
    ["its WebSocket", (url: URL) => new OldSocket(new URL(`ws://${url.host}/mcp/ws`))]
  ] as const) {
    it.live(`by closing ${name}`, () =>
      leaves(
        Effect.gen(function* () {
          const url = yield* endpoint
          const client = new OldClient(info)
          yield* Effect.promise(() => client.connect(transport(url) as never))
          for (let each = 0; each < 2; each++) client.callTool({ name: "wait" }).catch(() => {})
          return { leave: Effect.promise(() => client.close()) }
        })
      ).pipe(Effect.provide(service({ limits })))
    )
  }

  it.live("when the service stops", () =>
    Effect.gen(function* () {
      const ends = yield* outcomes
      yield* Effect.gen(function* () {
        const guard = yield* Guard
        yield* inSession()
        yield* started
        yield* Effect.repeat(guard.state, { until: ({ waiting }) => waiting === 1 })
      }).pipe(Effect.provide(service({ limits, server: { shutdown_timeout: "100 millis" } })))
      yield* interrupted
      expect(ends).toEqual(["interrupted", "interrupted"])
    }).pipe(Effect.provide(Layer.mergeAll(Held.layer, Calls.layer)))
  )
})

describe("on stdio, a running and a queued call are interrupted", () => {
  const config = (url: object) => ({ MCP_CONFIG_JSON: JSON.stringify(url) })
  const env = config({
    logging: { level: "info" },
    outbound: { allow_private: ["127.0.0.0/8"] },
    limits: { tools: { "web.fetch_url": { concurrency: 1 } } }
  })
  const fetching = (id: number, port: number) =>
    request(id, "tools/call", {
      name: "web.fetch_url",
      arguments: { url: `http://127.0.0.1:${port}/` }
    })

  /** A page that never arrives, requested twice; the first request is running. */
  const asking = Effect.gen(function* () {
    const page = yield* rawSite(() => {})
    const program = yield* startStdio(env)
    yield* program.send(initialize())
    yield* program.next
    yield* program.send(fetching(1, page.port))
    yield* program.send(fetching(2, page.port))
    yield* page.asked
    return { ...program, page }
  })

  const endings = (log: string) =>
    log
      .split("\n")
      .filter((line) => line.includes("web.fetch_url") && line.includes('"status":'))
      .map((line) => (JSON.parse(line) as { status: string }).status)

  it.live("by notifications/cancelled", () =>
    Effect.gen(function* () {
      const { child, end, next, page, send } = yield* asking
      for (const requestId of [2, 1]) {
        yield* send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId } })
      }
      yield* page.closed
      const good = yield* rawSite((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"))
      yield* send(fetching(3, good.port))
      expect(yield* next).toMatchObject({ id: 3, result: { structuredContent: { status_code: 200 } } })
      expect(yield* end).toBe(0)
      const log = yield* Effect.promise(() => new Response(child.stderr).text())
      expect(endings(log)).toEqual(["interrupted", "interrupted", "succeeded"])
      expect(page.connections()).toBe(1)
    })
  )

  it.live("at the end of the input", () =>
    Effect.gen(function* () {
      const { child, end, page } = yield* asking
      expect(yield* end).toBe(0)
      yield* page.closed
      const log = yield* Effect.promise(() => new Response(child.stderr).text())
      expect(endings(log)).toEqual(["interrupted", "interrupted"])
    })
  )
})
