/** An MCP server of the session era over HTTP, on a free port, that tests can have forget its sessions. */
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
      fetch: async (request) => {
        if (request.method !== "POST") return new Response(null, { status: 405 })
        const { id, method } = (await request.json()) as { id?: unknown; method: string }
        const known = sessions.has(request.headers.get("mcp-session-id") ?? "")
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
      calls: () => calls,
      stop: () => server.stop(true)
    }
  }),
  ({ stop }) => Effect.promise(stop)
)
