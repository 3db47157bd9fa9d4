/** Peer: the SDK's low-level server directly on `Bun.serve`; the upper limit with this SDK. */
import {
  createMcpHandler,
  Server,
  WebStandardStreamableHTTPServerTransport
} from "@modelcontextprotocol/server"
import { StdioServerTransport } from "@modelcontextprotocol/server/stdio"

const number = { type: "number" }
const inputSchema = { type: "object" as const, properties: { a: number, b: number }, required: ["a", "b"] }

const build = () => {
  const server = new Server({ name: "sdk", version: "1.0.0" }, { capabilities: { tools: {} } })
  server.setRequestHandler("tools/list", async () => ({ tools: [{ name: "math.add", inputSchema }] }))
  server.setRequestHandler("tools/call", async ({ params }) => {
    const sum = Number(params.arguments?.["a"]) + Number(params.arguments?.["b"])
    return { content: [{ type: "text", text: String(sum) }] }
  })
  return server
}

/** `/mcp` serves 2026-07-28; `/json` and `/sse` have sessions, and differ in the response to a POST. */
const serveHttp = () => {
  const modern = createMcpHandler(build, { legacy: "reject" })
  const sessions = new Map<string, WebStandardStreamableHTTPServerTransport>()
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 0,
    async fetch(request) {
      const { pathname } = new URL(request.url)
      if (pathname === "/mcp") return modern.fetch(request)
      const id = request.headers.get("mcp-session-id")
      if (id !== null) {
        return sessions.get(id)?.handleRequest(request) ?? new Response(null, { status: 404 })
      }
      const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: () => crypto.randomUUID(),
        enableJsonResponse: pathname === "/json",
        onsessioninitialized: (opened) => void sessions.set(opened, transport)
      })
      await build().connect(transport)
      return transport.handleRequest(request)
    }
  })
  console.error(`listening at ${server.url.href}`)
}

if (process.argv[2] === "http") serveHttp()
else await build().connect(new StdioServerTransport())
