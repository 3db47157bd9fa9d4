/** `tools/call` under load: calls per second, latency, and memory. */
import { compare, type Effort, type Measure, type Row, type Side } from "./Row.ts"
import { load } from "./load.ts"
import { start, type Subject } from "./process.ts"
import { ours } from "./servers.ts"
import { verify, type Wire } from "./protocol.ts"

/** Builds the call for a server; opens a session if the protocol has one. */
export type Prepare = (url: string) => Promise<Wire>

const measures = (wire: string): ReadonlyArray<Measure> => [
  { measure: wire, unit: "calls/s", better: "more" },
  { measure: `${wire}, p50`, unit: "ms", better: "less" },
  { measure: `${wire}, p99`, unit: "ms", better: "less" },
  { measure: `${wire}, RSS under load`, unit: "MB", better: "less" }
]

const megabyte = 1e6

const side = (subject: Subject, prepare: Prepare, { quick }: Effort): Side => ({
  name: subject.name,
  open: async (scope) => {
    const running = scope.use(await start(subject))
    const wire = await prepare(running.url)
    await verify(running.url, wire)
    await load(running, wire, quick ? 1 : 2)
    return async () => {
      const { p50, p99, peak, requests, seconds } = await load(running, wire, quick ? 1 : 3)
      return [requests / seconds, p50, p99, peak === undefined ? undefined : peak / megabyte]
    }
  }
})

type Peer = readonly [subject: Subject, prepare: Prepare]

/** The row of a protocol: manifold (`measured`) against each peer. */
export const calls = (
  name: string,
  prepare: Prepare,
  peers: ReadonlyArray<Peer>,
  measured: Subject = ours
): Row => ({
  name,
  run: async function* (effort: Effort) {
    for (const [subject, theirs] of peers) {
      yield* compare(
        measures(name),
        side(measured, prepare, effort),
        side(subject, theirs, effort),
        effort.rounds
      )
    }
  }
})
