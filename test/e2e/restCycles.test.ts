/**
 * Connections that are made over REST, called and disconnected leave nothing in the service: no process, socket, pipe, file
 * or memory. `REST_CYCLES` sets their number.
 */
import { expect } from "bun:test"
import { readdir } from "node:fs/promises"
import { createServer, type AddressInfo } from "node:net"
import { join } from "node:path"
import { Effect, Queue, Schedule } from "effect"
import { it } from "../support/effect.ts"
import type { HeapReport } from "../support/heapReport.ts"
import { heldResources } from "../support/heldResources.ts"
import { endpoint, service, stateFolder } from "../support/service.ts"
import { servingProcess } from "../support/servingProcess.ts"
import { sessionServer } from "../support/sessionServer.ts"

const cycles = Number(process.env["REST_CYCLES"] ?? 100)

/** Cycles after which the heap is measured first, and how often it is measured. */
const warmUp = Math.min(300, cycles / 4)
const measurements = 8

const isLong = cycles >= 1000
/** Objects that one cycle may leave, which is five connections. In a short test the engine and caches still grow. */
const mostObjects = isLong ? 2 : 20

const at = (path: string) => new URL(`../support/${path}`, import.meta.url).pathname

/** A port for `upstreamProcess.ts`, which holds a connection to it. */
const witness = Effect.acquireRelease(
  Effect.promise(async () => {
    const server = createServer((socket) => {
      socket.resume()
      socket.on("error", () => {})
    })
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    return { server, port: (server.address() as AddressInfo).port }
  }),
  ({ server }) => Effect.sync(() => server.close())
)

interface Kind {
  readonly request: object
  readonly tool: string
  readonly status: number
}

/** Each connects over another transport, or to a server that ends its process during the call. */
const kindsOf = (far: URL, sessions: string): ReadonlyArray<Kind> => {
  const remote = (transport: string, mcp_url: string, tool: string) => ({
    request: { transport, mcp_url, auth_type: "none" },
    tool,
    status: 200
  })
  const local = (tool: string, status: number) => ({
    request: { transport: "stdio", command: ["pids"], auth_type: "none" },
    tool,
    status
  })
  return [
    local("pid", 200),
    local("crash", 502),
    remote("http", far.href, "math.add"),
    remote("http", sessions, "count"),
    remote("sse", `${far.href}/sse`, "math.add")
  ]
}

const least = (values: ReadonlyArray<number>) => Math.min(...values)

it.live(
  `${cycles} connections of each kind, called and disconnected, leave no process, socket, file or memory`,
  () =>
    Effect.gen(function* () {
      const far = yield* endpoint
      const sessions = yield* sessionServer
      const { port } = yield* witness
      const dir = yield* stateFolder
      const reports = yield* Queue.unbounded<HeapReport>()
      const { child, url } = yield* servingProcess({
        config: {
          storage: { dir },
          mcpServers: {
            pids: { command: process.execPath, args: [at("upstreamProcess.ts"), String(port), "alone"] }
          },
          limits: { address: { calls: 1_000_000, window: "1 minute" } }
        },
        preload: {
          path: at("heapReport.ts"),
          onMessage: (report) => void Queue.offerUnsafe(reports, report as HeapReport)
        }
      })
      const measure = Effect.suspend(() => {
        child.send("measure")
        return Queue.take(reports)
      })
      const resources = Effect.sync(() => heldResources(child.pid))
      /** Polls, because connections are kept for seconds after the last request. */
      const settled = (isSettled: (now: Effect.Success<typeof resources>) => boolean) =>
        Effect.repeat(resources, { until: isSettled, schedule: Schedule.spaced("50 millis"), times: 400 })

      const post = (path: string, body: object) =>
        Effect.promise(async () => {
          const response = await fetch(new URL(path, url), {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify(body),
            keepalive: false
          })
          return { status: response.status, body: (await response.json()) as Record<string, unknown> }
        })
      const connection = Effect.fnUntraced(function* ({ request, status, tool }: Kind) {
        const connected = yield* post("/mcp/connect", request)
        expect(connected).toMatchObject({ status: 201 })
        const { client_id } = connected.body
        const call = { client_id, tool_name: tool, arguments: { a: 1, b: 2 } }
        const called = yield* post("/mcp/call_tool", call)
        expect(called).toMatchObject({ status, body: status === 200 ? { status: "success" } : {} })
        expect(yield* post("/mcp/disconnect", { client_id })).toMatchObject({ status: 200 })
      })
      const kinds = kindsOf(far, sessions.url)
      const run = (count: number) =>
        Effect.forEach(Array.from({ length: count }, () => kinds).flat(), connection, {
          concurrency: 4,
          discard: true
        })

      yield* run(warmUp)
      const before = yield* settled(({ established }) => established === 0)
      const found: Array<HeapReport> = []
      const step = Math.ceil((cycles - warmUp) / measurements)
      for (let count = 0; count < measurements; count++) {
        yield* run(step)
        found.push(yield* measure)
      }
      expect(yield* settled((now) => Bun.deepEquals(now, before))).toEqual(before)
      expect(sessions.open()).toBe(0)
      expect(yield* Effect.promise(() => readdir(join(dir, "connections")))).toEqual([])
      // The least of each half: how much the heap varies depends on when things were collected.
      const half = measurements / 2
      const growthOf = (value: (report: HeapReport) => number) =>
        (least(found.slice(half).map(value)) - least(found.slice(0, half).map(value))) / (step * half)
      expect(growthOf(({ objects }) => objects)).toBeLessThan(mostObjects)
      // Bytes outside of the heap. On a busy machine collections are late, and what a peak took is not given back.
      const resident = found.map((report) => report.resident)
      expect(least(resident.slice(half))).toBeLessThan(2 * Math.max(...resident.slice(0, half)))
    }).pipe(Effect.provide(service({ limits: { address: { calls: 1_000_000, window: "1 minute" } } }))),
  60_000 + cycles * 1000
)
