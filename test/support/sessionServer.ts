/** An MCP server of the session era over HTTP, with a stream for each session, that tests can have forget its sessions. */
import { Effect } from "effect"

const answerTo = (method: string, calls: number) => {
  switch (method) {
    case "initialize":
      return {
        protocolVersion: "2025-11-25",
        capabilities: { tools: {} },
        serverInfo: { name: "sessions", version: "1" },
        instructions: "Count slowly."
      }
    case "tools/list":
      return { tools: [{ name: "count", inputSchema: { type: "object" } }] }
    case "tools/call":
      return { content: [{ type: "text", text: String(calls) }] }
    default:
      return undefined
  }
}

export const sessionServer = Effect.acquireRelease(
  Effect.sync(() => {
    const sessions = new Set<string>()
    let opened = 0
    let calls = 0
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: async (request) => {
        const session = request.headers.get("mcp-session-id") ?? ""
        const known = sessions.has(session)
        if (request.method === "DELETE") {
          const status = sessions.delete(session) ? 204 : 404
          return new Response(null, { status })
        }
        if (request.method !== "POST") {
          if (!known) return new Response(null, { status: 404 })
          const stream = new ReadableStream<string>({
            start: (controller) => controller.enqueue(": open\n\n")
          })
          return new Response(stream, { headers: { "content-type": "text/event-stream" } })
        }
        const { id, method } = (await request.json()) as { id?: unknown; method: string }
        if (method === "server/discover") return new Response(null, { status: 400 })
        if (method !== "initialize" && !known) return new Response(null, { status: 404 })
        if (id === undefined) return new Response(null, { status: 202 })
        if (method === "tools/call") calls++
        const result = answerTo(method, calls)
        const body =
          result === undefined ? { error: { code: -32_601, message: "Method not found" } } : { result }
        const headers: Record<string, string> = {}
        if (method === "initialize") {
          headers["mcp-session-id"] = `session-${++opened}`
          sessions.add(headers["mcp-session-id"])
        }
        return Response.json({ jsonrpc: "2.0", id, ...body }, { headers })
      }
    })
    return {
      url: new URL("/mcp", server.url).href,
      forget: () => sessions.clear(),
      opened: () => opened,
      open: () => sessions.size,
      calls: () => calls,
      stop: () => server.stop(true)
    }
  }),
  ({ stop }) => Effect.promise(stop)
)
