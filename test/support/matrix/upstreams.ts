/** Starts the upstream servers of the compatibility matrix, each over its transport. */
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ManagedRuntime, Scope } from "effect"
import { endpoint, service } from "../service.ts"
import type { ServerName } from "./page.ts"
import { sessionUpstream } from "./sessionUpstream.ts"
import { statelessUpstream } from "./statelessUpstream.ts"

const program = (file: string, ...args: ReadonlyArray<string>) => ({
  command: process.execPath,
  args: [new URL(file, import.meta.url).pathname, ...args]
})

export const sessionUpstreamOverHttp = (name: string) => {
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      const id = request.headers.get("mcp-session-id")
      if (id !== null) return sessions.get(id)?.handleRequest(request) ?? new Response(null, { status: 404 })
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        onsessioninitialized: (opened) => void sessions.set(opened, transport)
      })
      // The older SDK is not written for exact optional properties.
      await sessionUpstream(name).connect(transport as Transport)
      return transport.handleRequest(request)
    }
  })
}

const overWebSocket = (name: ServerName) =>
  Bun.serve<{ transport: Transport | undefined }>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      server.upgrade(request, { data: { transport: undefined } })
        ? undefined
        : new Response(null, { status: 400 }),
    websocket: {
      open: (socket) => {
        const transport: Transport = {
          start: async () => {},
          send: async (message) => void socket.send(JSON.stringify(message)),
          close: async () => socket.close()
        }
        socket.data.transport = transport
        void sessionUpstream(name).connect(transport)
      },
      message: ({ data }, text) => data.transport?.onmessage?.(JSON.parse(String(text))),
      close: ({ data }) => data.transport?.onclose?.()
    }
  })

const overSse = async (name: ServerName) => {
  const transports = new Map<string, SSEServerTransport>()
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1")
    if (request.method === "POST" && pathname === "/messages") {
      void transports.get(searchParams.get("sessionId") ?? "")?.handlePostMessage(request, response)
    } else if (request.method === "GET" && pathname === "/sse") {
      const transport = new SSEServerTransport("/messages", response)
      transports.set(transport.sessionId, transport)
      void sessionUpstream(name).connect(transport)
    } else response.writeHead(404).end()
  })
  // A connection that is closed at the moment of a request would reset it.
  server.setTimeout(0)
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}/sse`,
    stop: () => void (server.closeAllConnections(), server.close())
  }
}

const stateless = async (name: ServerName) => {
  const scope = Scope.makeUnsafe()
  const runtime = ManagedRuntime.make(service())
  await runtime.runPromise(Scope.provide(statelessUpstream(name), scope))
  return { url: (await runtime.runPromise(endpoint)).href, stop: () => runtime.dispose() }
}

/** The section `mcpServers`. */
export const upstreams = async () => {
  const dir = await mkdtemp(join(tmpdir(), "matrix-"))
  const http = sessionUpstreamOverHttp("session-http")
  const socket = overWebSocket("session-ws")
  const [sse, statelessHttp, statelessSocket] = await Promise.all([
    overSse("session-sse"),
    stateless("stateless-http"),
    stateless("stateless-ws")
  ])
  const config: Readonly<Record<ServerName, object>> = {
    "session-stdio": program("sessionUpstream.ts", "session-stdio"),
    "session-http": { url: http.url.href },
    "session-sse": { url: sse.url, type: "sse" },
    "session-ws": { url: socket.url.href.replace("http", "ws") },
    "stateless-stdio": program("statelessUpstream.ts", "stateless-stdio", dir),
    "stateless-http": { url: statelessHttp.url },
    "stateless-ws": { url: `${statelessSocket.url.replace("http", "ws")}/ws` }
  }
  return {
    config,
    close: async () => {
      await Promise.all([
        http.stop(true),
        socket.stop(true),
        sse.stop(),
        statelessHttp.stop(),
        statelessSocket.stop()
      ])
      await rm(dir, { recursive: true, force: true })
    }
  }
}
