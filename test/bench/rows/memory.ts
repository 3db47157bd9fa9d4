/** Resident memory of the idle HTTP service, and memory per idle session. */
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"
import { collected, restingRss } from "../support/memory.ts"
import { start, type Subject } from "../support/process.ts"
import { openMany } from "../support/sessions.ts"
import { collectable, effect, fastmcpSessions, ours, sdkJson } from "../support/servers.ts"

const measures: ReadonlyArray<Measure> = [
  { measure: "memory, idle service, RSS", unit: "MB", better: "less" },
  { measure: "memory, idle session, RSS", unit: "KB", better: "less" },
  { measure: "memory, idle session, heap", unit: "KB", better: "less" }
]
/** Sessions opened before the measurement, so that lazily loaded code does not count. */
const warmUp = 200
const limits = { mcp: { sessions: { max: 20_000 } } }

/** A fresh server each round. */
const side = (subject: Subject, sessions: number): Side => ({
  name: subject.name,
  open: async () => async () => {
    await using running = await start(collectable(subject))
    const idle = await restingRss(running)
    await openMany(running.url, warmUp)
    const before = await collected(running)
    await openMany(running.url, sessions)
    const after = await collected(running)
    const each = (bytes: number) => bytes / sessions / 1e3
    return [idle / 1e6, each(after.rss - before.rss), each(after.heap - before.heap)]
  }
})

export const memory: Row = {
  name: "memory",
  run: async function* ({ quick, rounds }) {
    const sessions = quick ? 2_000 : 10_000
    for (const peer of [sdkJson, effect, fastmcpSessions]) {
      yield* compare(measures, side({ ...ours, config: limits }, sessions), side(peer, sessions), rounds)
    }
  }
}
