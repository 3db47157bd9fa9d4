/** Peer: Effect's own `McpServer` on `Bun.serve`. */
import { Effect, Layer, Schema } from "effect"
import { McpProtocol, McpServer, Tool, Toolkit } from "effect/ai"
import { HttpRouter } from "effect/http"

const toolkit = Toolkit.make(
  Tool.make("math.add", {
    description: "Add b to a.",
    parameters: Schema.Struct({ a: Schema.Finite, b: Schema.Finite }),
    success: Schema.Struct({ result: Schema.Finite })
  })
)
const handlers = toolkit.toLayer({ "math.add": ({ a, b }) => Effect.succeed({ result: a + b }) })

const app = McpServer.layerHttp({
  name: "effect",
  version: "1.0.0",
  path: "/mcp",
  protocols: [McpProtocol.v2026_07_28, McpProtocol.v2025_11_25],
  registrations: McpServer.toolkit(toolkit).pipe(Layer.provide(handlers))
})

const { handler } = HttpRouter.toWebHandler(app, { disableLogger: true })
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 0,
  fetch: (request) => handler(request)
})
console.error(`listening at ${server.url.href}`)
