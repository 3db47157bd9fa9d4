/** The compiled binary: time to the response to `initialize` and idle memory, compared with a compiled SDK server. */
import { join } from "node:path"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"
import { compiled, ownEntries } from "../support/compileBinary.ts"
import { side } from "../support/initializeTime.ts"
import { restingRss } from "../support/memory.ts"
import { start, type Subject } from "../support/process.ts"
import { fastmcpStdio } from "../support/servers.ts"

const coldStart: ReadonlyArray<Measure> = [{ measure: "cold start, binary", unit: "ms", better: "less" }]
const memory: ReadonlyArray<Measure> = [{ measure: "memory, binary idle, RSS", unit: "MB", better: "less" }]
const runs = 10

const idle = (subject: Subject): Side => ({
  name: subject.name,
  open: async () => async () => {
    await using running = await start(subject)
    return [(await restingRss(running)) / 1e6]
  }
})

export const binary: Row = {
  name: "binary",
  run: async function* ({ rounds }) {
    await using scope = new AsyncDisposableStack()
    const ours = await compiled(scope, ownEntries)
    const sdk = await compiled(scope, [join(import.meta.dir, "../peers/sdk.ts")])
    const stdio = { name: "manifold", command: [ours, "serve"] }
    yield* compare(coldStart, side(stdio), side({ name: "SDK server, compiled", command: [sdk] }), runs)
    yield* compare(coldStart, side(stdio), side(fastmcpStdio), runs)
    const http = { name: "manifold", command: [ours, "serve", "--http"], env: { PORT: "0" } }
    yield* compare(memory, idle(http), idle({ name: "SDK server, compiled", command: [sdk, "http"] }), rounds)
  }
}
