/** Workers that do not start, and a configuration that changes meanwhile. */
import { describe, expect } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Fiber } from "effect"
import { it } from "../support/effect.ts"
import { info } from "../support/clients.ts"
import { scattered, unlimited, workers } from "../support/workers.ts"

const header = "mcp-session-id"

/** What ends a load. */
const canceller = () => new AbortController()

/** A request of the session, or the one that begins a session. */
const post = (url: URL, session: string | undefined) =>
  scattered(url, {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(session !== undefined && { [header]: session })
    },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      ...(session === undefined
        ? {
            method: "initialize",
            params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info }
          }
        : { method: "ping" })
    })
  })

describe("two workers", () => {
  it.live("start again with a configuration that was mended, once each", () =>
    Effect.gen(function* () {
      const dir = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-test-"))),
        (made) => Effect.promise(() => rm(made, { recursive: true }))
      )
      const file = join(dir, "manifold.json")
      const write = (server: Readonly<Record<string, unknown>>) =>
        Effect.promise(() => Bun.write(file, JSON.stringify({ server })))
      yield* write({})
      const { child, lines, pids, until } = yield* workers({ file })
      const wait = (message: string, from: number, is: (line: { readonly worker?: number }) => boolean) =>
        Effect.promise(() => until((line) => line.message === message && is(line), from))
      const ended = "a worker ended, and is started again"

      yield* write({ shutdown_timeout: "nonsense" })
      const killed = lines.length
      process.kill(pids().get(2) ?? 0, "SIGKILL")
      yield* wait(ended, killed, (line) => "pause_ms" in line && line.pause_ms === 1000)
      yield* write({ workers: 3 })
      const mended = lines.length
      child.kill("SIGHUP")
      const { settings } = yield* wait("these settings need a restart of the supervisor", mended, () => true)
      expect(settings).toEqual(["server.workers"])
      yield* wait("workers replaced", mended, () => true)

      // Another kill is the next thing that happens to the worker.
      const before = pids().get(2) ?? 0
      const last = lines.length
      process.kill(before, "SIGKILL")
      yield* wait("worker listening", last, ({ worker }) => worker === 2)
      const ends = lines.slice(last).filter(({ message }) => message === ended)
      expect(ends).toEqual([expect.objectContaining({ worker: 2, pid: before })])
      const started = lines.slice(mended).filter(({ message }) => message === "worker listening")
      expect(started.map(({ worker }) => worker)).toEqual([1, 2, 2])
    })
  )

  it.live("that leave end their sessions with 404, and no call in doubt", () =>
    Effect.gen(function* () {
      const { child, lines, until, url } = yield* workers({ config: unlimited })
      const from = lines.length
      const statuses = new Set<number>()
      const ended = canceller()
      const client = async () => {
        let session: string | undefined
        while (!ended.signal.aborted) {
          // The kernel resets connections that a leaving process had not accepted.
          const response = await post(url, session).catch(() => undefined)
          if (response === undefined) continue
          await response.text()
          statuses.add(response.status)
          session = response.status === 404 ? undefined : (response.headers.get(header) ?? session)
        }
      }
      const load = yield* Effect.forkChild(
        Effect.promise(() => Promise.all(Array.from({ length: 4 }, client)))
      )
      child.kill("SIGHUP")
      yield* Effect.promise(() => until(({ message }) => message === "workers replaced", from))
      ended.abort()
      yield* Fiber.join(load)
      expect(statuses).toEqual(new Set([200, 404]))
    })
  )
})
