/** Processes of upstream servers: started once, restarted after a crash, and ended with the service. */
import { expect } from "bun:test"
import { createServer, type AddressInfo } from "node:net"
import { mkdtemp, readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Deferred, Effect, Exit, Layer, Queue } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Catalog } from "../../src/catalog/Catalog.ts"
import { stdioUser } from "../../src/domain/Principal.ts"
import { machine } from "../../src/program/baseLayers.ts"
import { Upstreams } from "../../src/upstreams/Upstreams.ts"
import { callTool } from "../support/callTool.ts"
import { it } from "../support/effect.ts"
import { gone } from "../support/processes.ts"
import { service, serviceOf, stateFolder } from "../support/service.ts"
import { startStdio } from "../support/stdio.ts"

const program = new URL("../support/upstreamProcess.ts", import.meta.url).pathname

interface Alive {
  readonly role: string
  readonly pid: number
  readonly ended: Deferred.Deferred<void>
}

/** Writes a line for the start and the end of each process. */
const witness = Effect.acquireRelease(
  Effect.callback<{
    readonly port: number
    readonly started: Queue.Queue<Alive>
    readonly close: () => void
  }>((resume) => {
    const started = Effect.runSync(Queue.unbounded<Alive>())
    const server = createServer((socket) => {
      const ended = Deferred.makeUnsafe<void>()
      socket.once("data", (data) => {
        const [role = "", pid = ""] = data.toString().trim().split(" ")
        Queue.offerUnsafe(started, { role, pid: Number(pid), ended })
      })
      socket.on("error", () => {})
      socket.on("close", () => Deferred.doneUnsafe(ended, Exit.void))
    })
    server.listen(0, "127.0.0.1", () =>
      resume(
        Effect.succeed({ port: (server.address() as AddressInfo).port, started, close: () => server.close() })
      )
    )
  }),
  ({ close }) => Effect.sync(close)
)

const upstream = (port: number, child: "child" | "stubborn" = "child") => ({
  command: process.execPath,
  args: [program, String(port), "server", child]
})

const take = Effect.fnUntraced(function* (started: Queue.Queue<Alive>, role: string) {
  for (;;) {
    const alive = yield* Queue.take(started)
    if (alive.role === role) return alive
  }
})

/** Both processes of one start of the server. */
const both = (started: Queue.Queue<Alive>) => Effect.all([Queue.take(started), Queue.take(started)])

const allEnded = (processes: ReadonlyArray<Alive>) =>
  Effect.forEach(processes, ({ ended }) => Deferred.await(ended), { concurrency: "unbounded" })

it.concurrent(
  "a server that crashes during a call fails only that call, and a new process serves the next one",
  () =>
    Effect.gen(function* () {
      const { port, started } = yield* witness
      yield* Effect.gen(function* () {
        const first = yield* take(started, "server")
        const failure = yield* Effect.flip(callTool("process__crash", {}))
        expect(failure).toMatchObject({ _tag: "Failed", reason: "UpstreamUnavailable" })
        yield* Deferred.await(first.ended)
        const { content } = yield* callTool("process__pid", {})
        const second = yield* take(started, "server")
        expect(content).toEqual([{ type: "text", text: String(second.pid) }])
      }).pipe(
        Effect.provide(
          service({
            mcp: { connection: { initial_reconnect_delay: "50 millis" } },
            mcpServers: { process: upstream(port) }
          })
        )
      )
    })
)

it.concurrent("concurrent callers share one process", () =>
  Effect.gen(function* () {
    const { port, started } = yield* witness
    yield* Effect.gen(function* () {
      const results = yield* Effect.forEach(Array.from({ length: 20 }), () => callTool("process__pid", {}), {
        concurrency: "unbounded"
      })
      expect(new Set(results.map(({ content }) => JSON.stringify(content))).size).toBe(1)
      yield* both(started)
      expect(yield* Queue.size(started)).toBe(0)
    }).pipe(Effect.provide(service({ mcpServers: { process: upstream(port) } })))
  })
)

it.concurrent("stopping the service ends the server and its children", () =>
  Effect.gen(function* () {
    const { port, started } = yield* witness
    const processes = yield* Effect.gen(function* () {
      yield* callTool("process__pid", {})
      return yield* both(started)
    }).pipe(Effect.provide(service({ mcpServers: { process: upstream(port, "stubborn") } })))
    yield* allEnded(processes)
  })
)

it.concurrent("SIGKILL of the program ends the server and its children", () =>
  Effect.gen(function* () {
    const { port, started } = yield* witness
    const config = JSON.stringify({ mcpServers: { process: upstream(port, "stubborn") } })
    const { child, next, send } = yield* startStdio({ MCP_CONFIG_JSON: config })
    yield* send({
      jsonrpc: "2.0",
      id: 1,
      method: "initialize",
      params: { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } }
    })
    yield* next
    const processes = yield* both(started)
    // A process that has answered is guarded.
    yield* send({
      jsonrpc: "2.0",
      id: 2,
      method: "tools/call",
      params: { name: "process__pid", arguments: {} }
    })
    yield* Effect.repeat(next, { until: (message) => message?.["id"] === 2 })
    yield* Effect.sync(() => child.kill("SIGKILL"))
    yield* allEnded(processes)
  })
)

it.concurrent(
  "SIGKILL of the program ends a server that has just started, and no daemon of an earlier one",
  () =>
    Effect.gen(function* () {
      const marker = `started-${process.pid}-${Date.now()}`
      const file = join(yield* stateFolder, "daemon")
      const script = new URL("../support/unguardedProcess.ts", import.meta.url).pathname
      const { exited } = Bun.spawn([process.execPath, script, marker, file], { stderr: "ignore" })
      expect(yield* Effect.promise(() => exited)).toBe(137)
      yield* gone(marker)
      const daemon = Number(yield* Effect.promise(() => readFile(file, "utf8")))
      expect(process.kill(daemon, "SIGKILL")).toBe(true)
    })
)

it.concurrent(
  "an unused process ends after its idle time, and the next start serves its tools without starting it",
  () =>
    Effect.gen(function* () {
      const { port, started } = yield* witness
      const folder = yield* stateFolder
      const unused = { ...upstream(port), idle_timeout: "300 millis" }
      const running = Layer.fresh(
        serviceOf(() =>
          ConfigSource.layerFrom({
            logging: { level: "none" },
            storage: { dir: folder },
            mcpServers: { process: unused }
          })
        )
      )
      yield* Effect.gen(function* () {
        const processes = yield* both(started)
        yield* allEnded(processes)
        yield* callTool("process__pid", {})
        yield* allEnded(yield* both(started))
      }).pipe(Effect.provide(running))
      yield* Effect.gen(function* () {
        const tools = yield* Effect.flatMap(Catalog, (catalog) => catalog.tools(stdioUser))
        expect(tools.items.map(({ name }) => name)).toContain("process__pid")
        expect(yield* Queue.size(started)).toBe(0)
        yield* callTool("process__pid", {})
        yield* both(started)
      }).pipe(Effect.provide(Layer.fresh(running)))
    })
)

it.concurrent("a reload starts added servers, stops removed ones and keeps unchanged ones", () =>
  Effect.gen(function* () {
    const { port, started } = yield* witness
    const folder = yield* Effect.promise(() => mkdtemp(join(tmpdir(), "manifold-upstreams-")))
    const file = join(folder, "manifold.json")
    const write = (servers: Record<string, unknown>) =>
      Effect.promise(() =>
        writeFile(
          file,
          JSON.stringify({ logging: { level: "none" }, storage: { dir: folder }, mcpServers: servers })
        )
      )
    yield* write({ kept: upstream(port) })
    yield* Effect.gen(function* () {
      const config = yield* ConfigSource
      const upstreams = yield* Upstreams
      const names = Effect.map(upstreams.list, (all) => all.map(({ name }) => name))
      const kept = yield* both(started)
      yield* write({ kept: upstream(port), added: upstream(port) })
      yield* config.reload
      expect(yield* names).toEqual(["kept", "added"])
      const added = yield* both(started)
      yield* write({ kept: upstream(port) })
      yield* config.reload
      yield* allEnded(added)
      expect(yield* names).toEqual(["kept"])
      const { content } = yield* callTool("kept__pid", {})
      expect(kept.map(({ pid }) => String(pid))).toContain(String(Object(content[0]).text))
      expect(yield* Queue.size(started)).toBe(0)
    }).pipe(Effect.provide(serviceOf(() => Layer.provide(ConfigSource.layerFile(file), machine))))
  })
)
