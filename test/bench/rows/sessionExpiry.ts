/** Sessions and memory that remain after many sessions exceeded their idle time-out. */
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"
import { collected } from "../support/memory.ts"
import { start } from "../support/process.ts"
import { countAlive, openMany } from "../support/sessions.ts"
import { collectable, ours } from "../support/servers.ts"

const measures: ReadonlyArray<Measure> = [
  { measure: "sessions still known after expiry", unit: "sessions", better: "less" },
  { measure: "kept per expired session, heap", unit: "KB", better: "less" }
]
const idleTimeout = 5
/** The service checks sessions for expiry once a second. */
const slack = 2
const warmUp = 200

const side = (sessions: number): Side => ({
  name: ours.name,
  open: async () => async () => {
    const config = { mcp: { sessions: { max: 20_000, idle_timeout: `${idleTimeout} seconds` } } }
    await using running = await start(collectable({ ...ours, config }))
    await openMany(running.url, warmUp)
    const before = await collected(running)
    const ids = await openMany(running.url, sessions)
    await Bun.sleep((idleTimeout + slack) * 1000)
    const alive = await countAlive(running.url, ids)
    const after = await collected(running)
    return [alive, (after.heap - before.heap) / sessions / 1e3]
  }
})

export const expiry: Row = {
  name: "expiry",
  run: ({ quick, rounds }) => compare(measures, side(quick ? 2_000 : 10_000), undefined, rounds)
}
