/** `tools/call` under load, on each wire: calls per second, how long they take, and the memory meanwhile. */
import { compare, type Effort, type Measure, type Side } from "../support/bench.ts"
import { load } from "../support/load.ts"
import { start, type Subject } from "../support/process.ts"
import { effect, fastmcpStateless, ours, sdk, sdkJson, sdkSse } from "../support/subjects.ts"
import { modernCall, openSession, sessionCall, verify, type Wire } from "../support/wire.ts"

/** From the server's address to the call: a session is opened where the wire has one. */
type Prepare = (url: string) => Promise<Wire>

const modern: Prepare = async () => modernCall
const session: Prepare = async (url) => sessionCall(await openSession(url))
/** A stateless server of the session era is called without a hand-shake. */
const noSession: Prepare = async () => sessionCall(undefined)

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

const row = (name: string, prepare: Prepare, peers: ReadonlyArray<Peer>) => ({
  name,
  run: async function* (effort: Effort) {
    for (const [subject, theirs] of peers) {
      yield* compare(
        measures(name),
        side(ours, prepare, effort),
        side(subject, theirs, effort),
        effort.rounds
      )
    }
  }
})

export const modernWire = row("tools/call, 2026 wire", modern, [
  [sdk, modern],
  [effect, modern]
])

export const sessionWire = row("tools/call, session wire", session, [
  [sdkJson, session],
  [sdkSse, session],
  [effect, session],
  [fastmcpStateless, noSession]
])
