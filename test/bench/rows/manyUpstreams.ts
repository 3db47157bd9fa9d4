/** 50 upstream servers with 1,000 tools: their list, the first response after a start, and the memory of a connection. */
import { join } from "node:path"
import { collected } from "../support/memory.ts"
import { openSession, post, sessionCall, type Wire } from "../support/protocol.ts"
import { start, type Subject } from "../support/process.ts"
import { compare, type Row, type Side } from "../support/Row.ts"
import { collectable, ours, sdk } from "../support/servers.ts"
import { spread } from "../support/stats.ts"

const servers = 50
const tools = 1000
const lists = 30

const script = join(import.meta.dir, "../peers/fewTools.sh")
const named = (entry: (name: string) => object, count = servers) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`up${index}`, entry(`up${index}`)]))

const front = (mcpServers: object): Subject => ({
  ...ours,
  config: { ...ours.config, mcp: { page_size: 2 * tools, page_bytes: 10_000_000 }, mcpServers }
})
const withProcesses = front(named((name) => ({ command: "sh", args: [script, name] })))
const alone = front({})

/** Reads the list in a new session; fails unless all tools are there. */
const list = async (url: string, least: number) => {
  const { body, headers } = sessionCall(await openSession(url))
  const wire: Wire = {
    headers,
    body: body.replace(/"method":.*$/, '"method":"tools/list","params":{}}')
  }
  const read = async () => {
    const started = performance.now()
    const text = await (await post(url, wire)).text()
    const time = performance.now() - started
    const found = text.split('"inputSchema"').length - 1
    if (found < least) throw new Error(`the list has ${found} tools: ${text.slice(0, 100)}`)
    return time
  }
  return read
}

/** In milliseconds: known servers connect from then on, and then have connected. */
const connecting = 2000
const connected = 8000

/** Milliseconds from the start of the process to its first complete list, and of lists while the servers connect and later. */
const starting = (subject: Subject, least: number): Side => ({
  name: subject === alone ? "manifold without upstream servers" : subject.name,
  open: async () => {
    // The first start stores the lists of the servers. A first list waits for all that are not known.
    await using storing = await start(subject)
    await (
      await list(storing.url, least)
    )()
    return async () => {
      const started = performance.now()
      await using running = await start(subject)
      const again = await list(running.url, least)
      await again()
      const first = performance.now() - started
      const median = async () => {
        const times: Array<number> = []
        for (let count = 0; count < lists; count++) times.push(await again())
        return spread(times)?.median
      }
      await Bun.sleep(connecting)
      const meanwhile = await median()
      await Bun.sleep(connected - connecting)
      return [first, meanwhile, await median()]
    }
  }
})

/** The code for connections is optimized before the first of these numbers is reached. */
const fewConnections = servers
const manyConnections = 3 * servers

/** Memory of a connection, from two numbers of them. */
const connections: Side = {
  name: ours.name,
  open: async (scope) => {
    const { url } = scope.use(await start(sdk))
    const memory = async (count: number) => {
      await using running = await start(collectable(front(named(() => ({ url }), count))))
      const read = await list(running.url, 0)
      await read()
      await Bun.sleep(3000)
      return await collected(running)
    }
    return async () => {
      const few = await memory(fewConnections)
      const many = await memory(manyConnections)
      const each = (bytes: number) => bytes / (manyConnections - fewConnections) / 1e3
      return [each(many.rss - few.rss), each(many.heap - few.heap)]
    }
  }
}

export const manyUpstreams: Row = {
  name: "many upstream servers",
  run: async function* ({ quick, rounds }) {
    const of = `of ${tools} tools of ${servers} servers`
    yield* compare(
      [
        { measure: `first list ${of} that are known, from the start`, unit: "ms", better: "less" },
        { measure: `tools/list ${of} that connect, p50`, unit: "ms", better: "less" },
        { measure: `tools/list ${of}, p50`, unit: "ms", better: "less" }
      ],
      starting(withProcesses, tools),
      starting(alone, 1),
      rounds
    )
    yield* compare(
      [
        { measure: "memory, idle upstream connection, RSS", unit: "KB", better: "less" },
        { measure: "memory, idle upstream connection, heap", unit: "KB", better: "less" }
      ],
      connections,
      undefined,
      quick ? 1 : rounds
    )
  }
}
