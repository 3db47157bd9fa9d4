/** A listener for the callback of sign-ins on this machine (RFC 8252, section 7.3), for programs without an HTTP service. */
import { Context, Effect, Layer } from "effect"
import { Listener } from "../../http/Listener.ts"
import { type Route, Routes } from "../../http/Routes.ts"
import { Sites } from "../../http/Sites.ts"

/** Requests have no body. */
const maxMessageBytes = 1024

/** Its URL. Port 0: a free port. Closes with the scope. */
export const loopbackCallback = Effect.fnUntraced(function* (port: number, route: Route) {
  const services = yield* Layer.build(Layer.merge(Layer.fresh(Routes.layer), Layer.fresh(Sites.layer)))
  const routes = Context.get(services, Routes)
  yield* Effect.orDie(routes.add(route))
  const { url } = yield* Listener.open({
    hostname: "127.0.0.1",
    port,
    maxMessageBytes,
    allowedHosts: [],
    corsOrigins: []
  }).pipe(Effect.provideContext(services))
  return url
})
