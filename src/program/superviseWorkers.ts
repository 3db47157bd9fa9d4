/** The supervisor of `manifold serve --http --workers N`: processes that share one port. */
import { Clock, Duration, Effect, FileSystem, Queue, Schedule, Semaphore } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { reload } from "../../layers/config/Reload.ts"
import { namedFile } from "../../layers/config/ConfigDocument.ts"
import * as edge from "../../layers/edge/section.ts"
import * as sharedFixedWindows from "../../layers/guard/sharedFixedWindows.ts"
import { Listener } from "../../layers/http/Listener.ts"
import * as http from "../../layers/http/section.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Machine } from "../../layers/platform/Machine.ts"
import { monotonicNow } from "../../layers/platform/monotonic.ts"
import { OutputStreams } from "../../layers/platform/OutputStreams.ts"
import { Signals } from "../../layers/platform/Signals.ts"
import { spawnWorker, type Worker } from "../../layers/platform/workerProcess.ts"
import { firstSocketOf, socketOf } from "../../layers/platform/WorkerSlot.ts"
import { Identity } from "../domain/Identity.ts"
import type { Overrides } from "./httpService.ts"

/** Pause before a worker that ended is started again: none for the first time, then doubled up to the longest. */
const firstPause = Duration.toMillis("500 millis")
const longestPause = Duration.toMillis("30 seconds")
/** A worker that ran for this long has not failed at its start. */
const settled = Duration.toMillis("30 seconds")
/** Time beyond `server.drain_delay` and `server.shutdown_timeout` in which a worker must have ended. */
const grace = Duration.seconds(5)

/** Variables by which flags of the command line set the configuration. */
const passed = ["LOG_LEVEL", "MANIFOLD_LOG_FILE"]

const pauseAfter = (failures: number) =>
  failures === 0 ? 0 : Math.min(longestPause, firstPause * 2 ** Math.min(failures - 1, 10))

/** The ports, each of which no other program may listen on. */
const freePort = Effect.fnUntraced(function* (overrides: Overrides) {
  const config = yield* ConfigSource
  const server = { ...(yield* config.read(http.section)), ...overrides }
  const { host, http_port, https_port } = yield* config.read(edge.section)
  const check = (hostname: string, port: number) =>
    Listener.exclusive({ hostname, port, maxMessageBytes: 1, allowedHosts: [], corsOrigins: [] })
  for (const port of [https_port, http_port]) {
    if (https_port !== undefined && port !== undefined && port !== 0) yield* check(host, port)
  }
  return { ...server, port: yield* check(server.host, server.port) }
})

/** Runs `count` workers until it is interrupted, and starts those that end again. SIGHUP replaces them one after the other. */
export const superviseWorkers = Effect.fnUntraced(function* (count: number, overrides: Overrides) {
  const files = yield* FileSystem.FileSystem
  const { launch } = yield* Machine
  const { get } = yield* Environment
  const { name } = yield* Identity
  const { stderr } = yield* OutputStreams
  const { next, secret } = yield* Ids
  const config = yield* ConfigSource
  const given = yield* config.read(http.section)
  const { host, port } = yield* freePort(overrides)
  const file = yield* namedFile
  const service = yield* next
  const scope = yield* Effect.scope
  const folder = yield* files.makeTempDirectoryScoped({ prefix: "manifold-" })
  const limits = `${folder}/limits`
  yield* files.writeFile(limits, new Uint8Array(sharedFixedWindows.bytes))
  const [seed = 0] = new Uint32Array((yield* secret(4)).buffer)
  const options = {
    launch,
    args: [
      "serve",
      "--http",
      "--host",
      host,
      "--port",
      String(port),
      ...(file === undefined ? [] : ["--config", file])
    ],
    variables: Object.fromEntries(
      passed.flatMap((variable) => {
        const value = get(variable)
        return value === undefined ? [] : [[variable, value]]
      })
    )
  }

  let { drain_delay, shutdown_timeout } = given
  const follow = Effect.fnUntraced(function* (settings: typeof given) {
    ;({ drain_delay, shutdown_timeout } = settings)
    const kept = (["host", "port", "workers"] as const).filter(
      (setting) => !(setting in overrides) && settings[setting] !== given[setting]
    )
    if (kept.length > 0)
      yield* Effect.logWarning("these settings need a restart of the supervisor").pipe(
        Effect.annotateLogs({ settings: kept.map((setting) => `server.${setting}`) })
      )
  })
  yield* config.follow(http.section, follow)

  const alive = new Set<Worker>()
  const current = new Map<number, Worker>()
  let lastId = 0

  const end = (worker: Worker) =>
    Effect.gen(function* () {
      worker.signal("SIGTERM")
      const most = Duration.sum(Duration.sum(drain_delay, shutdown_timeout), grace)
      yield* Effect.timeoutOrElse(worker.exited, {
        duration: most,
        orElse: () =>
          Effect.suspend(() => {
            worker.signal("SIGKILL")
            return worker.exited
          })
      })
    })
  yield* Effect.addFinalizer(() => Effect.forEach(alive, end, { concurrency: "unbounded", discard: true }))

  /** Requests to what only one worker has go to the one with number 1. */
  const lead = Effect.fnUntraced(function* ({ slot }: Worker) {
    const link = firstSocketOf(slot)
    yield* files.symlink(socketOf(slot, slot.id), `${link}.new`)
    yield* files.rename(`${link}.new`, link)
  })

  /** Starts a worker, and waits until it listens. */
  const start = Effect.fnUntraced(function* (number: number) {
    const worker = spawnWorker({ number, id: ++lastId, folder, limits, seed, service }, options)
    alive.add(worker)
    const { id } = worker.slot
    yield* worker.exited.pipe(
      Effect.andThen(Effect.ignore(files.remove(socketOf(worker.slot, id)))),
      Effect.andThen(Effect.sync(() => alive.delete(worker))),
      Effect.forkIn(scope)
    )
    const url = yield* worker.listening
    current.set(number, worker)
    if (number === 1) yield* Effect.orDie(lead(worker))
    yield* Effect.logInfo("worker listening").pipe(
      Effect.annotateLogs({ worker: number, process: id, pid: worker.pid })
    )
    return { url, worker }
  })

  /** At most one worker starts at a time, so that none is replaced twice. */
  const turn = yield* Semaphore.make(1)

  /** Starts the worker with the number again whenever it ends. */
  const keep = Effect.fnUntraced(function* (number: number) {
    let failures = 0
    for (;;) {
      const worker = current.get(number)
      if (worker === undefined) return
      const began = yield* monotonicNow
      const code = yield* worker.exited
      if ((yield* monotonicNow) - began >= settled) failures = 0
      // Until it runs again, or was replaced.
      while (current.get(number) === worker) {
        const pause = pauseAfter(failures++)
        yield* Effect.logError("a worker ended, and is started again").pipe(
          Effect.annotateLogs({ worker: number, pid: worker.pid, exit_code: code, pause_ms: pause })
        )
        yield* Effect.sleep(pause)
        yield* Effect.exit(
          turn.withPermit(
            Effect.suspend(() => (current.get(number) === worker ? start(number) : Effect.void))
          )
        )
      }
    }
  })

  const replaceAll = Effect.gen(function* () {
    yield* reload
    yield* Effect.logInfo("replacing the workers")
    for (const number of current.keys()) {
      const before = current.get(number)
      const started = yield* Effect.exit(turn.withPermit(start(number)))
      if (started._tag === "Failure") {
        return yield* Effect.logError("a new worker did not start, and the others stay", started.cause)
      }
      if (before !== undefined) yield* end(before)
    }
    yield* Effect.logInfo("workers replaced")
  })

  const { url } = yield* start(1)
  yield* Effect.forEach(
    Array.from({ length: count - 1 }, (_, at) => at + 2),
    start,
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.ignore(
    stderr.write(
      `${name} serves MCP at ${new URL("/mcp", url).href} with ${count} workers. Press Ctrl-C to stop.\n`
    )
  )
  yield* Effect.logInfo("workers listening").pipe(Effect.annotateLogs({ url, workers: count }))

  /** Programs that clean the temporary folder delete files that have not changed for days. */
  const refresh = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    yield* files.utimes(limits, now / 1000, now / 1000)
    const first = current.get(1)
    if (first !== undefined) yield* lead(first)
  })
  yield* refresh.pipe(
    Effect.catch((error) => Effect.logWarning(error.message)),
    Effect.repeat(Schedule.spaced("12 hours")),
    Effect.forkScoped
  )

  const due = yield* Queue.sliding<void>(1)
  yield* (yield* Signals).onHangup(() => Queue.offerUnsafe(due, undefined))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(due), replaceAll)))
  return yield* Effect.forEach(current.keys(), keep, { concurrency: "unbounded", discard: true })
}, Effect.scoped)
