/** A call of a tool of an upstream server over HTTP, beside the same call without manifold: the difference is what it adds. */
import { compare, type Effort, type Row, type Side } from "../support/Row.ts"
import { load } from "../support/load.ts"
import { post, modernCall, verify, type Wire } from "../support/protocol.ts"
import { start, type Subject } from "../support/process.ts"
import { ours, sdk } from "../support/servers.ts"

const name = "tools/call through an upstream connection"

/** Calls one after another. */
const calls = { quick: 300, usual: 2000 }

/** Mean pause of each of the 32 connections in milliseconds: about 500 calls per second, which either side can handle. */
const pause = 64

const through = (server: string): Wire => ({
  headers: { ...modernCall.headers, "mcp-name": `${server}__math_add` },
  body: modernCall.body.replace('"math.add"', `"${server}__math_add"`)
})

const percentile = (sorted: ReadonlyArray<number>, part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]

/** Latencies in milliseconds of calls one after another, on one connection. */
const latencies = async (url: string, wire: Wire, count: number) => {
  const times: Array<number> = []
  for (let call = 0; call < count; call++) {
    const started = performance.now()
    await (await post(url, wire)).arrayBuffer()
    times.push(performance.now() - started)
  }
  return times.toSorted((a, b) => a - b)
}

/** The called server: the upstream itself, or manifold in front of it. */
type Open = (scope: AsyncDisposableStack) => Promise<{
  readonly running: Awaited<ReturnType<typeof start>>
  readonly wire: Wire
}>

const side = (subject: string, open: Open, { quick }: Effort): Side => ({
  name: subject,
  open: async (scope) => {
    const { running, wire } = await open(scope)
    await verify(running.url, wire)
    await load(running, wire, 1)
    return async () => {
      const times = await latencies(running.url, wire, quick ? calls.quick : calls.usual)
      const { requests, seconds } = await load(running, wire, quick ? 1 : 3)
      const paced = await load(running, wire, quick ? 2 : 5, pause)
      return [percentile(times, 0.5), percentile(times, 0.99), requests / seconds, paced.p50, paced.p99]
    }
  }
})

const direct: Open = async (scope) => ({ running: scope.use(await start(sdk)), wire: modernCall })

const inFront: Open = async (scope) => {
  const { url } = scope.use(await start(sdk))
  const gateway: Subject = { ...ours, config: { ...ours.config, mcpServers: { up: { url } } } }
  return { running: scope.use(await start(gateway)), wire: through("up") }
}

export const gateway: Row = {
  name,
  run: (effort) =>
    compare(
      [
        { measure: `${name}, p50 of single calls`, unit: "ms", better: "less" },
        { measure: `${name}, p99 of single calls`, unit: "ms", better: "less" },
        { measure: `${name}, 32 connections`, unit: "calls/s", better: "more" },
        { measure: `${name}, 32 connections at an equal rate, p50`, unit: "ms", better: "less" },
        { measure: `${name}, 32 connections at an equal rate, p99`, unit: "ms", better: "less" }
      ],
      side(ours.name, inFront, effort),
      side("the upstream itself", direct, effort),
      effort.rounds
    )
}
