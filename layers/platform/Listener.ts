/** The listener. */
import { Context, Effect, Layer, type Duration } from "effect"
import { Routes } from "./Routes.ts"
export interface ListenerOptions {
  readonly hostname: string
  readonly port: number
  readonly maxMessageBytes: number
  readonly allowedHosts: ReadonlyArray<string>
  readonly corsOrigins: ReadonlyArray<string>
  readonly idleTimeout: Duration.Duration
  readonly shutdownTimeout: Duration.Duration
}
export class Listener extends Context.Service<
  Listener,
  { readonly url: string; readonly port: number; readonly hostname: string }
>()("manifold/platform/Listener") {
  static readonly layer = (o: ListenerOptions) =>
    Layer.effect(
      Listener,
      Effect.gen(function* () {
        const routes = yield* Routes
        const s = yield* Effect.acquireRelease(
          Effect.sync(() =>
            Bun.serve({
              hostname: o.hostname,
              port: o.port,
              idleTimeout: 10,
              maxRequestBodySize: o.maxMessageBytes,
              fetch(req, server) {
                const r = routes.m.get(new URL(req.url).pathname)
                return r
                  ? r.fetch(req, { loopback: true, address: "", keepOpen: () => server.timeout(req, 0) })
                  : new Response("no", { status: 404 })
              }
            })
          ),
          (s) => Effect.promise(() => s.stop(true))
        )
        return { url: s.url.href, port: s.port ?? 0, hostname: o.hostname }
      })
    )
}
