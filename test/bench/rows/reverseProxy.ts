/** Requests, event streams and WebSockets through the reverse proxy, beside a bare proxy, httpxy, Caddy, and a full table. */
import { Database } from "bun:sqlite"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { load } from "../support/load.ts"
import { start, type Running, type Subject } from "../support/process.ts"
import { compare, type Effort, type Row, type Side } from "../support/Row.ts"
import { adminToken, oursAuthenticated, peer } from "../support/servers.ts"
import { firstId } from "../support/protocol.ts"

const name = "reverse proxy"
const host = "app.example.com"
const wire = {
  headers: { host, "content-type": "application/json" },
  body: JSON.stringify({ id: firstId, text: "a short request" })
}
/** Events and messages of one round. With fewer, one pause of the machine would be the 99th percentile. */
const samples = 1000

const application = peer("application", "application.ts")

const quantile = (times: ReadonlyArray<number>, part: number): number =>
  times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * part))] ?? Number.NaN

/** Milliseconds from the application to the client, by the clock of the machine. */
const eventDelays = async (origin: string, count: number) => {
  const response = await fetch(`${origin}/events`, { headers: { host } })
  const decoder = new TextDecoder()
  const delays: Array<number> = []
  for await (const chunk of response.body ?? []) {
    const now = performance.timeOrigin + performance.now()
    for (const [, sent] of decoder.decode(chunk).matchAll(/data: ([\d.]+)/g)) delays.push(now - Number(sent))
    if (delays.length >= count) break
  }
  return delays
}

/** Milliseconds of messages one after another. */
const echoTimes = async (origin: string, count: number): Promise<ReadonlyArray<number>> => {
  const socket = new WebSocket(`${origin.replace("http", "ws")}/ws`, { headers: { host } })
  const opened = await new Promise<boolean>((resolve) => {
    socket.addEventListener("open", () => resolve(true))
    socket.addEventListener("close", () => resolve(false))
  })
  if (!opened) throw new Error("the WebSocket was not opened")
  const times: Array<number> = []
  while (times.length < count) {
    const started = performance.now()
    const answered = new Promise((resolve) => socket.addEventListener("message", resolve, { once: true }))
    socket.send("hello")
    await answered
    times.push(performance.now() - started)
  }
  socket.close()
  return times
}

const publish = async (url: string, target: string) => {
  const response = await fetch(new URL("/edge/proxies", url), {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}`, "content-type": "application/json" },
    body: JSON.stringify({ hostname: host, target_url: target })
  })
  if (response.status !== 201) throw new Error(`not published: ${await response.text()}`)
}

/** Fills the table as many changes would have. */
const fill = (folder: string, count: number) => {
  using database = new Database(join(folder, "manifold.db"))
  const insert = database.prepare(
    "INSERT INTO edge_proxies VALUES (?, 'http://127.0.0.1:9', '{}', 0, 0, 'bench', 0, 'bench')"
  )
  database.transaction(() => {
    for (let index = 0; index < count; index++) insert.run(`app-${index}.example.com`)
  })()
}

const originOf = async (scope: AsyncDisposableStack) =>
  new URL(scope.use(await start(application)).url).origin

/** manifold with the application and `others` more. */
const manifold = (others: number) => async (scope: AsyncDisposableStack) => {
  const target = await originOf(scope)
  const dir = mkdtempSync(join(tmpdir(), "manifold-bench-edge-"))
  scope.defer(() => rmSync(dir, { recursive: true, force: true }))
  const subject: Subject = { ...oursAuthenticated, config: { ...oursAuthenticated.config, storage: { dir } } }
  {
    await using first = await start(subject)
    await publish(first.url, target)
  }
  fill(dir, others)
  return scope.use(await start(subject))
}

const other = (subject: (target: string) => Subject) => async (scope: AsyncDisposableStack) =>
  scope.use(await start(subject(await originOf(scope))))

/** Caddy of the machine, if it is installed; it writes no access log. */
const caddy = (target: string): Subject => ({
  name: "Caddy",
  command: [
    process.execPath,
    join(import.meta.dir, "../peers/onFreePort.ts"),
    "caddy",
    "reverse-proxy",
    "--from",
    "http://:PORT",
    "--to",
    new URL(target).host
  ],
  path: "/"
})

/** `taken`: how many of the measures. */
const side = (
  subject: string,
  open: (scope: AsyncDisposableStack) => Promise<Running>,
  { quick }: Effort,
  taken: number
): Side => ({
  name: subject,
  open: async (scope) => {
    const running = await open(scope)
    const { origin } = new URL(running.url)
    const at = { ...running, url: `${origin}/` }
    const probe = await fetch(at.url, { method: "POST", headers: wire.headers, body: wire.body })
    if (!(await probe.text()).includes("an answer")) throw new Error(`the answer is ${probe.status}`)
    await load(at, wire, 1)
    return async () => {
      const { requests, seconds } = await load(at, wire, quick ? 1 : 3)
      const figures = [requests / seconds]
      if (taken > 1) figures.push(quantile(await eventDelays(origin, samples), 0.99))
      if (taken > 2) figures.push(quantile(await echoTimes(origin, samples), 0.5))
      return figures
    }
  }
})

const measures = [
  { measure: `${name}, 32 connections`, unit: "requests/s", better: "more" },
  { measure: `${name}, delay of events, p99`, unit: "ms", better: "less" },
  { measure: `${name}, WebSocket echo, p50`, unit: "ms", better: "less" }
] as const

export const reverseProxy: Row = {
  name,
  run: async function* (effort) {
    const bare = other((target) => peer("Bun.serve and fetch", "bareProxy.ts", target))
    const httpxy = other((target) => peer("httpxy", "httpxy.mjs", target))
    yield* compare(
      measures.slice(0, 2),
      side("manifold", manifold(0), effort, 2),
      side("Bun.serve and fetch", bare, effort, 2),
      effort.rounds
    )
    yield* compare(
      measures,
      side("manifold", manifold(0), effort, 3),
      side("httpxy", httpxy, effort, 3),
      effort.rounds
    )
    yield* compare(
      measures,
      side("manifold", manifold(0), effort, 3),
      side("Caddy", other(caddy), effort, 3),
      effort.rounds
    )
    yield* compare(
      [{ measure: `${name}, 10,000 applications`, unit: "requests/s", better: "more" }],
      side("manifold, 10,000 applications", manifold(10_000), effort, 1),
      side("manifold, one application", manifold(0), effort, 1),
      effort.rounds
    )
  }
}
