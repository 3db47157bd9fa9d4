/** Requests of a session-era upstream server while several calls run: they go to the client whose call caused them. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { type Client, StreamableHTTPClientTransport, type Transport } from "@modelcontextprotocol/client"
import { ManagedRuntime } from "effect"
import { webSocketTransport } from "../../layers/upstream/webSocketTransport.ts"
import { askingUpstream } from "../support/askingUpstream.ts"
import { newClients, pinned } from "../support/clients.ts"
import { oldServer } from "../support/oldServer.ts"
import { endpoint, service } from "../support/service.ts"

const session = newClients[0][1]
const program = new URL("../support/askingUpstream.ts", import.meta.url).pathname

const upstream = oldServer()
const front = ManagedRuntime.make(
  service({
    mcpServers: {
      http: { url: upstream.url },
      stdio: { command: process.execPath, args: [program] }
    }
  })
)
let address: URL

beforeAll(async () => {
  await upstream.connect(askingUpstream())
  address = await front.runPromise(endpoint)
  await upstream.streaming
})

afterAll(async () => {
  await front.dispose()
  await upstream.stop()
})

const overHttp = () => new StreamableHTTPClientTransport(address)
const overWebSocket = () =>
  webSocketTransport({
    url: new URL(`${address.href.replace("http", "ws")}/ws`),
    headers: {},
    route: undefined,
    maxMessageBytes: 1_000_000
  })

/** A client that answers forms with `action`. */
const user = async (
  make: (options: object) => Client,
  action: "accept" | "decline",
  connection: Transport = overHttp()
) => {
  const client = make({ capabilities: { elicitation: {} } })
  client.setRequestHandler("elicitation/create", () => ({ action }))
  await client.connect(connection)
  const call = async (name: string, onprogress?: () => void) => {
    const { content } = await client.callTool(
      { name, arguments: {} },
      onprogress === undefined ? {} : { onprogress }
    )
    const [first] = content
    return first?.type === "text" ? first.text : ""
  }
  return {
    call,
    /** Resolves once the tool `wait` of the server runs. */
    wait: async (server: string) => {
      const running = Promise.withResolvers<void>()
      const result = call(`${server}__wait`, running.resolve)
      await running.promise
      return { result }
    },
    close: () => client.close()
  }
}

test.each(["stdio__ask", "http__ask", "http__ask_aside"])(
  "a client with two calls is asked: %s",
  async (tool) => {
    const [server = ""] = tool.split("__")
    for (const [make, connection] of [
      [session, overHttp],
      [session, overWebSocket],
      [pinned, overWebSocket]
    ] as const) {
      const { call, close, wait } = await user(make, "decline", connection())
      const waiting = await wait(server)
      expect(await call(tool)).toBe("decline")
      expect(await call(`${server}__release`)).toBe("done")
      expect(await waiting.result).toBe("released")
      await close()
    }
  }
)

test("of two clients the one is asked on whose call's stream the request arrives", async () => {
  for (const [one, other] of [
    [session, session],
    [pinned, session],
    [session, pinned],
    [pinned, pinned]
  ] as const) {
    const [waiter, asked] = [await user(one, "accept"), await user(other, "decline")]
    const waiting = await waiter.wait("http")
    expect(await asked.call("http__ask")).toBe("decline")
    await asked.call("http__release")
    expect(await waiting.result).toBe("released")
    await waiter.close()
    await asked.close()
  }
})

test.each(["stdio__ask", "http__ask_aside"])(
  "with two clients a request without a cause is rejected: %s",
  async (tool) => {
    const [server = ""] = tool.split("__")
    const [waiter, caller] = [await user(session, "accept"), await user(session, "decline")]
    const waiting = await waiter.wait(server)
    const failure = await caller.call(tool).catch((error: unknown) => error)
    expect(String(failure)).toContain(
      "Calls of several clients are running, and this transport does not say which of them caused elicitation/create."
    )
    await caller.call(`${server}__release`)
    expect(await waiting.result).toBe("released")
    await waiter.close()
    await caller.close()
  }
)
