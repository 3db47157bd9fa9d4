/** Peer: the SDK's servers on its own legacy SSE transport (1.32.2), and bare on a WebSocket (2.4.0). */
import { createServer } from "node:http"
import { Server as OldServer } from "@modelcontextprotocol/sdk/server/index.js"
import { SSEServerTransport } from "@modelcontextprotocol/sdk/server/sse.js"
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js"
import { deserializeMessage, Server, type Transport } from "@modelcontextprotocol/server"

const info = { name: "sdk", version: "1.0.0" }
const capabilities = { capabilities: { tools: {} } }
const add = (args: Record<string, unknown> | undefined) => ({
  content: [{ type: "text" as const, text: String(Number(args?.["a"]) + Number(args?.["b"])) }]
})

class SocketTransport implements Transport {
  onclose?: () => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #send: (text: string) => void
  constructor(send: (text: string) => void) {
    this.#send = send
  }
  async start() {}
  async send(message: unknown) {
    this.#send(JSON.stringify(message))
  }
  async close() {
    this.onclose?.()
  }
}

const serveWebSocket = () => {
  const transports = new WeakMap<object, SocketTransport>()
  const listening = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, server) => (server.upgrade(request) ? undefined : new Response(null, { status: 426 })),
    websocket: {
      open(socket) {
        const transport = new SocketTransport((text) => void socket.send(text))
        transports.set(socket, transport)
        const server = new Server(info, capabilities)
        server.setRequestHandler("tools/call", async ({ params }) => add(params.arguments))
        void server.connect(transport)
      },
      message(socket, text) {
        transports.get(socket)?.onmessage?.(deserializeMessage(String(text)))
      }
    }
  })
  console.error(`listening at ${listening.url.href}`)
}

const serveSse = () => {
  const transports = new Map<string, SSEServerTransport>()
  const listening = createServer(async (request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost")
    if (request.method === "POST") {
      await transports.get(url.searchParams.get("sessionId") ?? "")?.handlePostMessage(request, response)
      return
    }
    const transport = new SSEServerTransport("/messages", response)
    transports.set(transport.sessionId, transport)
    const server = new OldServer(info, capabilities)
    server.setRequestHandler(CallToolRequestSchema, async ({ params }) => add(params.arguments))
    await server.connect(transport)
  })
  listening.listen(0, "127.0.0.1", () => {
    const address = listening.address()
    if (address !== null && typeof address === "object") {
      console.error(`listening at http://127.0.0.1:${address.port}`)
    }
  })
}

if (process.argv[2] === "ws") serveWebSocket()
else serveSse()
