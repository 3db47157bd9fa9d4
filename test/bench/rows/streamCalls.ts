/** `tools/call` over open connections: WebSocket and legacy SSE, compared with the SDK. */
import { join } from "node:path"
import { compare, type Measure, type Row, type Side } from "../support/Row.ts"
import { start, type Subject } from "../support/process.ts"
import { ours } from "../support/servers.ts"
import { overSse, overWebSocket, type Connect } from "../support/streamClients.ts"

const connections = 32
const peer = (kind: string, name: string, path: string): Subject => ({
  name,
  command: [process.execPath, join(import.meta.dir, "../peers/sdkStreams.ts"), kind],
  path
})

const side = (subject: Subject, connect: Connect, seconds: number): Side => ({
  name: subject.name,
  open: async (scope) => {
    const { url } = scope.use(await start(subject))
    const talkers = await Promise.all(Array.from({ length: connections }, () => connect(url)))
    scope.defer(() => talkers.forEach(({ close }) => close()))
    return async () => {
      const begin = performance.now()
      const end = begin + seconds * 1000
      let calls = 0
      const talk = async ({ call }: (typeof talkers)[number]) => {
        for (; performance.now() < end; calls++) await call()
      }
      await Promise.all(talkers.map(talk))
      return [(calls / (performance.now() - begin)) * 1000]
    }
  }
})

const measure = (wire: string): ReadonlyArray<Measure> => [
  { measure: `tools/call, ${wire}`, unit: "calls/s", better: "more" }
]

export const longLived: Row = {
  name: "long-lived",
  run: async function* ({ quick, rounds }) {
    const seconds = quick ? 1 : 3
    yield* compare(
      measure("WebSocket"),
      side({ ...ours, path: "/mcp/ws" }, overWebSocket, seconds),
      side(peer("ws", "SDK server, WebSocket", "/"), overWebSocket, seconds),
      rounds
    )
    yield* compare(
      measure("legacy SSE"),
      side({ ...ours, path: "/mcp/sse" }, overSse, seconds),
      side(peer("sse", "SDK 1.32.2 server, SSE", "/sse"), overSse, seconds),
      rounds
    )
  }
}
