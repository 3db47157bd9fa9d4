/** Published applications whose targets have the addresses of the test: the real proxy with another resolver. */
import { Context, Effect, Layer } from "effect"
import { Domains } from "../../layers/edge/Domains.ts"
import type { NewProxy } from "../../layers/edge/proxies/Proxy.ts"
import * as ReverseProxy from "../../layers/edge/ReverseProxy.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Sites } from "../../layers/http/Sites.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { defaults } from "./listener.ts"
import { publish } from "./proxies.ts"
import { service } from "./service.ts"
import type { Answers } from "./sites.ts"

/** The application `app.example.com` with this target, on a separate listener. */
export const publishingWith = Effect.fnUntraced(function* (
  answers: Answers,
  target_url: string,
  options: Omit<typeof NewProxy.Encoded, "hostname" | "target_url"> = {}
) {
  const running = yield* Layer.build(service())
  yield* Effect.provideContext(publish({ hostname: "app.example.com", target_url, ...options }), running)
  const proxy = Layer.fresh(ReverseProxy.layer).pipe(
    Layer.provide(Dns.layerTest(answers)),
    Layer.provideMerge(Layer.fresh(Layer.mergeAll(Routes.layer, Sites.layer, Domains.layer)))
  )
  const listening = Layer.fresh(Listener.layer(defaults)).pipe(Layer.provide(proxy))
  const { port } = Context.get(
    yield* Layer.build(listening.pipe(Layer.provide(Layer.succeedContext(running)))),
    Listener
  )
  const request = (path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}) =>
    Effect.promise(async () => {
      const headers = { host: "app.example.com", ...init.headers }
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers })
      return { status: response.status, text: await response.text() }
    })
  return { port, request }
})
