/** An upstream server of the older SDK, with sessions over streamable HTTP. */
import type { Server } from "@modelcontextprotocol/sdk/server/index.js"
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js"
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js"

/** Listens on a free port of 127.0.0.1. `streaming`: the stream for messages outside of requests is open. */
export const oldServer = () => {
  const transport = new WebStandardStreamableHTTPServerTransport({
    sessionIdGenerator: () => crypto.randomUUID()
  })
  const streaming = Promise.withResolvers<void>()
  const listener = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 0,
    fetch: async (request) => {
      const response = await transport.handleRequest(request)
      if (request.method === "GET" && response.ok) streaming.resolve()
      return response
    }
  })
  return {
    url: new URL("/mcp", listener.url).href,
    streaming: streaming.promise,
    // The older SDK is not written for exact optional properties.
    connect: (server: Server) => server.connect(transport as Transport),
    stop: () => listener.stop(true)
  }
}
