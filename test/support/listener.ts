/** A real listener on a free port, with the routes of the test. */
import { Effect, Layer } from "effect"
import { Listener } from "../../layers/http/Listener.ts"
import type { ListenerOptions } from "../../layers/http/ListenerOptions.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { type Route, Routes } from "../../layers/http/Routes.ts"
import { Sites } from "../../layers/http/Sites.ts"

export const defaults: ListenerOptions = {
  hostname: "127.0.0.1",
  port: 0,
  maxMessageBytes: 1000,
  allowedHosts: [],
  corsOrigins: []
}

/** Listens while the scope is open. */
export const listen = (routes: ReadonlyArray<Route<string>>, options: Partial<ListenerOptions> = {}) => {
  const contributed = Layer.effectDiscard(
    Effect.gen(function* () {
      const registry = yield* Routes
      yield* Effect.forEach(routes, (route) => registry.add(route))
    })
  )
  return Layer.build(
    Listener.layer({ ...defaults, ...options }).pipe(
      Layer.provideMerge(contributed),
      Layer.provideMerge(Layer.mergeAll(Routes.layer, Sites.layer, Ids.layer))
    )
  ).pipe(Effect.flatMap((context) => Effect.provide(Listener, context)))
}
