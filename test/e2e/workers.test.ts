/** Several worker processes on one port: sessions, kills, replacement and shutdown, with real clients. */
import { describe, expect } from "bun:test"
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client"
import { Cause, Deferred, Effect, Exit, Fiber } from "effect"
import { info, newClients, tryOut } from "../support/clients.ts"
import { it } from "../support/effect.ts"
import { parse } from "../support/prometheusText.ts"
import { bearer } from "../support/rest.ts"
import { stateless } from "../support/service.ts"
import { site } from "../support/sites.ts"
import { isRunning, scattered, unlimited, workers } from "../support/workers.ts"

const config = { outbound: { allow_private: ["127.0.0.0/8"] } }

const transport = (url: URL, options = {}) =>
  new StreamableHTTPClientTransport(url, { fetch: scattered, ...options })

/** What cancels a call, or ends a load. */
const canceller = () => new AbortController()

const initializing = {
  jsonrpc: "2.0",
  id: 1,
  method: "initialize",
  params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: info }
}

const post = (url: URL, body: unknown, session?: string) =>
  scattered(url, {
    method: "POST",
    headers: {
      accept: "application/json, text/event-stream",
      "content-type": "application/json",
      ...(session !== undefined && { "mcp-session-id": session })
    },
    body: JSON.stringify(body)
  })

const adding = {
  jsonrpc: "2.0",
  id: 2,
  method: "tools/call",
  params: { name: "math.add", arguments: { a: 1, b: 2 } }
}

/** A session of the worker with this process number. */
const sessionOf = async (url: URL, id: number): Promise<string> => {
  for (;;) {
    const response = await post(url, initializing)
    await response.text()
    const session = response.headers.get("mcp-session-id") ?? ""
    if (session.endsWith(`-w${id}`)) return session
  }
}

const add = async (url: URL, session: string) => {
  const response = await post(url, adding, session)
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() }
}

const sum = {
  status: 200,
  type: "application/json",
  text: expect.stringContaining('"structuredContent":{"result":3}')
}

describe("two workers", () => {
  it.live("serve each client wherever its connections arrive", () =>
    Effect.gen(function* () {
      const { url } = yield* workers()
      for (const [, make, version] of newClients) {
        yield* Effect.promise(async () => {
          const client = make()
          await tryOut(client, transport(url), version)
          for (let call = 0; call < 10; call++) {
            expect(await client.callTool({ name: "math.add", arguments: { a: call, b: 1 } })).toMatchObject({
              structuredContent: { result: call + 1 }
            })
          }
          await client.close()
        })
      }
      // The same answer wherever a request arrives, and bodies of any size.
      const sessions = yield* Effect.promise(() => Promise.all([sessionOf(url, 1), sessionOf(url, 2)]))
      for (const session of sessions) {
        for (let call = 0; call < 10; call++)
          expect(yield* Effect.promise(() => add(url, session))).toEqual(sum)
        const large = { ...adding, params: { name: "math.add", arguments: { a: 1, b: "x".repeat(200_000) } } }
        const answers = yield* Effect.promise(() =>
          Promise.all(Array.from({ length: 6 }, async () => (await post(url, large, session)).text()))
        )
        for (const answer of answers) expect(answer).toContain("Expected")
      }
      const unknown = yield* Effect.promise(() => post(url, adding, `${sessions[0]?.split("-w")[0]}-w99`))
      expect(unknown.status).toBe(404)
    })
  )

  it.live("pass on progress, events of the session and cancellation", () =>
    Effect.gen(function* () {
      const { url } = yield* workers({ config })
      const asked = yield* Deferred.make<void>()
      const left = yield* Deferred.make<void>()
      const { port } = yield* site((request) => {
        if (new URL(request.url).pathname === "/quick")
          return new Response("<p>words</p>", { headers: { "content-type": "text/html" } })
        Deferred.doneUnsafe(asked, Effect.void)
        request.signal.addEventListener("abort", () => Deferred.doneUnsafe(left, Effect.void))
        return new Promise<Response>(() => {})
      })
      yield* Effect.promise(async () => {
        // Of four clients, some talk to the worker that does not have their session.
        for (let round = 0; round < 4; round++) {
          const client = new Client(info)
          await client.connect(transport(url))
          const progress: Array<number> = []
          await client.callTool(
            { name: "web.fetch_url", arguments: { url: `http://127.0.0.1:${port}/quick` } },
            { onprogress: (update) => progress.push(update.progress) }
          )
          expect(progress.at(-1)).toBe(100)
          await client.close()
        }
      })
      const cancel = canceller()
      const client = new Client(info)
      yield* Effect.promise(() => client.connect(transport(url)))
      const call = yield* Effect.forkChild(
        Effect.exit(
          Effect.tryPromise(() =>
            client.callTool(
              { name: "web.fetch_url", arguments: { url: `http://127.0.0.1:${port}/slow` } },
              { signal: cancel.signal }
            )
          )
        )
      )
      yield* Deferred.await(asked)
      cancel.abort()
      yield* Deferred.await(left)
      expect((yield* Fiber.join(call))._tag).toBe("Failure")
      yield* Effect.promise(() => client.close())
    })
  )

  it.live("count limits together, and show the metrics of both", () =>
    Effect.gen(function* () {
      const token = "a".repeat(40)
      const { url } = yield* workers({
        config: {
          auth: { anonymous_loopback: false, tokens: [{ name: "ada", token, scopes: ["read", "call"] }] },
          limits: { principal: { calls: 15, window: "1 hour" } }
        }
      })
      const { body, headers } = stateless(1, "tools/call", adding.params)
      const call = async () => {
        const response = await scattered(url, {
          method: "POST",
          headers: {
            ...headers,
            ...bearer(token),
            accept: "application/json, text/event-stream",
            "content-type": "application/json"
          },
          body: JSON.stringify(body)
        })
        await response.text()
        return response.status
      }
      const statuses: Array<number> = []
      for (let round = 0; round < 40; round++) statuses.push(yield* Effect.promise(call))
      expect(statuses.filter((status) => status === 200).length).toBe(15)
      expect(statuses.filter((status) => status === 429).length).toBe(25)

      const page = yield* Effect.promise(async () =>
        (await scattered(new URL("/metrics", url), { headers: bearer(token) })).text()
      )
      const calls = [...page.matchAll(/^manifold_calls_total\{worker="([12])",[^}]*\} (\d+)$/gm)]
      expect(new Set(calls.map(([, worker]) => worker))).toEqual(new Set(["1", "2"]))
      expect(calls.reduce((all, [, , count]) => all + Number(count), 0)).toBe(40)
      expect(parse(page).size).toBeGreaterThan(10)
    })
  )

  it.live("go on when one is killed, whose sessions begin again", () =>
    Effect.gen(function* () {
      const { lines, pids, until, url } = yield* workers({ config: unlimited })
      const [first, second] = yield* Effect.promise(() => Promise.all([sessionOf(url, 1), sessionOf(url, 2)]))
      const before = lines.length
      let calls = 0
      const stop = canceller()
      const load = yield* Effect.forkChild(
        Effect.promise(async () => {
          const failures: Array<unknown> = []
          while (!stop.signal.aborted) {
            // A connection that the killed process had accepted is lost; others reach the session.
            const answer = await add(url, first).catch((error: unknown) => error)
            if (answer instanceof Error) continue
            calls++
            if ((answer as { status: number }).status !== 200) failures.push(answer)
          }
          return failures
        })
      )
      process.kill(pids().get(2) ?? 0, "SIGKILL")
      const { pid } = yield* Effect.promise(() =>
        until(({ message }) => message === "worker listening", before)
      )
      const seen = calls
      yield* Effect.repeat(
        Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
        {
          until: () => calls > seen + 20
        }
      )
      stop.abort()
      expect(yield* Fiber.join(load)).toEqual([])
      expect(pid).not.toBe(pids().get(1))
      for (let call = 0; call < 10; call++) {
        expect((yield* Effect.promise(() => add(url, second))).status).toBe(404)
        expect(yield* Effect.promise(() => add(url, first))).toEqual(sum)
      }
      expect(yield* Effect.promise(() => sessionOf(url, 3))).toEndWith("-w3")
    })
  )

  it.live("are replaced one after the other at SIGHUP", () =>
    Effect.gen(function* () {
      const { child, lines, pids, until, url } = yield* workers({ config: unlimited })
      const before = [...pids().values()]
      const from = lines.length
      const stop = canceller()
      const load = yield* Effect.forkChild(
        Effect.promise(async () => {
          const statuses = new Set<number>()
          let lost = 0
          while (!stop.signal.aborted) {
            const response = await post(url, initializing).catch(() => undefined)
            if (response === undefined) lost++
            else statuses.add(response.status)
            await response?.text()
          }
          return { statuses: [...statuses], lost }
        })
      )
      child.kill("SIGHUP")
      yield* Effect.promise(() => until(({ message }) => message === "workers replaced", from))
      stop.abort()
      const { lost, statuses } = yield* Fiber.join(load)
      // The kernel resets connections that the leaving process had not accepted: one for each at most here.
      expect(lost).toBeLessThanOrEqual(2)
      expect(statuses).toEqual([200])
      for (const pid of before) expect(isRunning(pid)).toBe(false)
      expect([...pids().values()].every(isRunning)).toBe(true)
    })
  )

  it.live("end with their supervisor, also when it is killed", () =>
    Effect.gen(function* () {
      const stopped = yield* workers()
      stopped.child.kill("SIGTERM")
      expect(yield* Effect.promise(() => stopped.child.exited)).toBe(0)
      for (const pid of stopped.pids().values()) expect(isRunning(pid)).toBe(false)

      const killed = yield* workers()
      killed.child.kill("SIGKILL")
      yield* Effect.repeat(
        Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
        { until: () => ![...killed.pids().values()].some(isRunning) }
      )
    })
  )

  it.live("are refused where others have the port", () =>
    Effect.gen(function* () {
      const { url } = yield* workers()
      const other = yield* Effect.exit(Effect.scoped(workers({ port: Number(url.port) })))
      const why = Exit.isFailure(other) ? Cause.pretty(other.cause) : "it started"
      expect(why).toContain(`Port ${url.port} is in use`)
    })
  )
})
