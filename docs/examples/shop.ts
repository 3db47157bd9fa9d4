/**
 * A shop on Bun with a chat: its pages as they were, and conversations at `/chat` and `/ws/chat` with a model that looks
 * into its stock. `OPENAI_API_KEY=… bun shop.ts`; `shop.yaml` names the provider.
 */
import { Effect, Layer, ManagedRuntime, Schema } from "effect"
import * as Tool from "effect/ai/Tool"
import * as Toolkit from "effect/ai/Toolkit"
import { httpService, Listener, Models, Routes, server, toolset } from "manifold"
import { Outbound } from "manifold/layers/outbound/Outbound"

const stock = new Map([
  ["teapot", 4],
  ["cup", 30]
])

const CountStock = Tool.make("count_stock", {
  description: "Count the pieces of an article in stock.",
  parameters: Schema.Struct({ article: Schema.NonEmptyString }),
  success: Schema.Struct({ pieces: Schema.Int })
}).annotate(Tool.Readonly, true)

const toolkit = Toolkit.make(CountStock)
const tools = toolset({
  toolkit,
  layer: toolkit.toLayer({
    count_stock: ({ article }) => Effect.succeed({ pieces: stock.get(article) ?? 0 })
  })
})

/** The handler that the shop had in `Bun.serve`. */
const shop = (request: Request): Response => {
  const { pathname } = new URL(request.url)
  if (pathname !== "/") return new Response("Not found", { status: 404 })
  return new Response(`We sell ${[...stock.keys()].join(" and ")}.`)
}
const pages = Layer.effectDiscard(Effect.flatMap(Routes, ({ add }) => add({ paths: ["/*"], fetch: shop })))

const app = pages.pipe(
  Layer.provideMerge(httpService({ port: Number(process.env["PORT"] ?? 8000) })),
  Layer.provideMerge(tools),
  Layer.provideMerge(Models.layer.pipe(Layer.provide(Outbound.layer))),
  Layer.provideMerge(server({ name: "shop", version: "1.0.0", configFile: "shop.yaml" }))
)

const runtime = ManagedRuntime.make(app)
const { url } = await runtime.runPromise(Effect.service(Listener))
console.log(`The shop is at ${url}`)
process.once("SIGTERM", () => void runtime.dispose().finally(() => process.exit()))
