/**
 * A program with its own `Bun.serve` that mounts the service: its MCP endpoints and conversations answer where they always do,
 * and everything else stays with the program. `OPENAI_API_KEY=… bun mounted.ts`; `shop.yaml` names the provider.
 */
import { Effect, Layer, ManagedRuntime } from "effect"
import { HttpHandlers, httpHandlers, Models, server } from "manifold"
import { Outbound } from "manifold/layers/outbound/Outbound"

const app = httpHandlers({ host: "127.0.0.1" }).pipe(
  Layer.provideMerge(Models.layer.pipe(Layer.provide(Outbound.layer))),
  Layer.provideMerge(server({ name: "mounted", version: "1.0.0", configFile: "shop.yaml" }))
)
const runtime = ManagedRuntime.make(app)
const { fetch, websocket } = await runtime.runPromise(Effect.service(HttpHandlers))

const mounted = /^\/(chat|mcp|ws\/chat)(\/|$)/

const own = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env["PORT"] ?? 8000),
  fetch: (request, bun) =>
    mounted.test(new URL(request.url).pathname) ? fetch(request, bun) : new Response("The program's own page."),
  websocket
})
console.log(`The program is at ${own.url.origin}`)

// First the service, which lets running turns end; then the server.
const stop = async () => {
  await runtime.dispose()
  await own.stop(true)
  process.exit()
}
process.once("SIGTERM", () => void stop())
