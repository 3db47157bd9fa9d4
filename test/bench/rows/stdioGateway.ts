/** Calls of a tool of a stdio server over HTTP: through manifold, and through programs that only convert the transport. */
import { join } from "node:path"
import { load } from "../support/load.ts"
import { openSession, post, sessionCall, verify, type Wire } from "../support/protocol.ts"
import { start, type Subject } from "../support/process.ts"
import { compare, type Effort, type Row, type Side } from "../support/Row.ts"
import { ours, sdkStdio } from "../support/servers.ts"
import { spread } from "../support/stats.ts"

const name = "tools/call of a stdio server"
const single = { quick: 200, usual: 1000 }

const file = (path: string) => join(import.meta.dir, "..", path)
const onFreePort = [process.execPath, file("peers/onFreePort.ts"), Bun.which("node") ?? process.execPath]

const supergateway: Subject = {
  name: "supergateway",
  command: [
    ...onFreePort,
    file("node_modules/supergateway/dist/index.js"),
    ..."--outputTransport streamableHttp --stateful --logLevel none --port PORT --stdio".split(" "),
    sdkStdio.command.join(" ")
  ]
}
const mcpProxy: Subject = {
  name: "mcp-proxy",
  command: [
    ...onFreePort,
    file("node_modules/mcp-proxy/dist/bin/mcp-proxy.mjs"),
    ..."--host 127.0.0.1 --port PORT --server stream --".split(" "),
    ...sdkStdio.command
  ]
}
const [command = "", ...args] = sdkStdio.command
const gateway: Subject = { ...ours, config: { ...ours.config, mcpServers: { up: { command, args } } } }

const side = (subject: Subject, tool: string, { quick }: Effort): Side => ({
  name: subject.name,
  open: async (scope) => {
    const running = scope.use(await start(subject))
    const { body, headers } = sessionCall(await openSession(running.url))
    const wire: Wire = { headers, body: body.replace('"math.add"', `"${tool}"`) }
    await verify(running.url, wire)
    await load(running, wire, 1)
    return async () => {
      const times: Array<number> = []
      for (let call = 0; call < (quick ? single.quick : single.usual); call++) {
        const started = performance.now()
        await (await post(running.url, wire)).arrayBuffer()
        times.push(performance.now() - started)
      }
      const { requests, seconds } = await load(running, wire, quick ? 1 : 3)
      return [spread(times)?.median, requests / seconds]
    }
  }
})

export const stdioGateway: Row = {
  name,
  run: async function* (effort) {
    const measures = [
      { measure: `${name}, p50 of single calls`, unit: "ms", better: "less" },
      { measure: `${name}, 32 connections`, unit: "calls/s", better: "more" }
    ] as const
    for (const peer of [supergateway, mcpProxy]) {
      yield* compare(
        measures,
        side(gateway, "up__math_add", effort),
        side(peer, "math.add", effort),
        effort.rounds
      )
    }
  }
}
