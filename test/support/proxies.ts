/** Published applications of a test: a program's own table over a database, and a service with applications behind it. */
import { Context, Effect, Layer, Logger, Schema, type Scope } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { NewProxy, ProxyUpdate } from "../../layers/edge/proxies/Proxy.ts"
import { ProxyTable } from "../../layers/edge/ProxyTable.ts"
import { Listener } from "../../layers/http/Listener.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import * as Platform from "../../layers/platform/Platform.ts"
import { Sql } from "../../layers/storage/Sql.ts"
import { Storage } from "../../layers/storage/Storage.ts"
import { Principal } from "../../src/domain/Principal.ts"
import type { StorageSettings } from "./databases.ts"
import { service } from "./service.ts"

/** One process: its own connection to the database of these settings. */
export const tableOf = (storage: StorageSettings, config: Readonly<Record<string, unknown>> = {}) =>
  Layer.fresh(
    ProxyTable.layer.pipe(
      Layer.provideMerge(Audit.layer),
      Layer.provideMerge(Sql.layer),
      Layer.provideMerge(Storage.layer),
      Layer.provideMerge(ConfigSource.layerFrom({ storage, ...config })),
      Layer.provideMerge(Layer.mergeAll(Environment.layerTest({}), Ids.layer, Platform.layer)),
      Layer.provideMerge(Logger.layer([]))
    )
  )

const decodeNew = Schema.decodeUnknownEffect(NewProxy)
const decodeUpdate = Schema.decodeUnknownEffect(ProxyUpdate)

export const administrator = (subject: string) => ({
  principal: new Principal({
    subject,
    clientId: subject,
    scopes: ["admin"],
    ceiling: ["admin"],
    source: "api-token"
  })
})

/** Publishes an application as the operator, or as an administrator. */
export const publish = Effect.fnUntraced(function* (
  request: typeof NewProxy.Encoded,
  by: Parameters<ProxyTable["Service"]["create"]>[1] = "operator"
) {
  return yield* (yield* ProxyTable).create(yield* Effect.orDie(decodeNew(request)), by)
})

export const change = Effect.fnUntraced(function* (
  request: typeof ProxyUpdate.Encoded,
  by: Parameters<ProxyTable["Service"]["update"]>[1] = "operator"
) {
  return yield* (yield* ProxyTable).update(yield* Effect.orDie(decodeUpdate(request)), by)
})

/** The reason of a refusal, and its text. */
export const refusal = <A, E extends { readonly message: string }, R>(self: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(self), (error) =>
    "reason" in error ? `${String(error.reason)}: ${error.message}` : error.message
  )

/** A service that publishes the target as app.example.com, and requests to it. */
export const publishing = Effect.fnUntraced(function* (
  target: string,
  options: Omit<typeof NewProxy.Encoded, "hostname" | "target_url"> = {},
  config: Readonly<Record<string, unknown>> = {}
) {
  const running = yield* Layer.build(service(config))
  const { port } = Context.get(running, Listener)
  const published = yield* Effect.provideContext(
    publish({ hostname: "app.example.com", target_url: target, ...options }),
    running
  )
  const request = (path: string, init: RequestInit & { readonly headers?: Record<string, string> } = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      redirect: "manual",
      ...init,
      headers: { host: "app.example.com", ...init.headers }
    })
  return { port, published, request, running }
})

export interface Backend {
  readonly url: string
  readonly port: number
  /** Method, path and headers of the requests that it has received. */
  readonly requests: Array<{
    readonly method: string
    readonly path: string
    readonly headers: Record<string, string>
  }>
  readonly stop: () => Promise<void>
}

/** An application on a free port. */
export const backend = (
  respond: (
    request: Request,
    server: Bun.Server<unknown>
  ) => Response | undefined | Promise<Response | undefined>,
  websocket?: Bun.WebSocketHandler<unknown>
): Effect.Effect<Backend, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const requests: Backend["requests"] = []
      const server: Bun.Server<unknown> = Bun.serve<unknown>({
        hostname: "127.0.0.1",
        port: 0,
        idleTimeout: 0,
        websocket: websocket ?? { message: () => {} },
        fetch: (request) => {
          const { pathname, search } = new URL(request.url)
          requests.push({
            method: request.method,
            path: `${pathname}${search}`,
            headers: Object.fromEntries(request.headers)
          })
          return respond(request, server)
        }
      })
      const port = server.port ?? 0
      return { url: `http://127.0.0.1:${port}`, port, requests, stop: () => server.stop(true) }
    }),
    ({ stop }) => Effect.promise(stop)
  )
