/** The REST service as a function from Request to Response; loaded with its first request. */
import { Context, Effect, Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, HttpServer, type HttpServerRequest } from "effect/http"
import { HttpApiBuilder } from "effect/http-api"
import { Api } from "./api.ts"
import { authHandlers } from "./authHandlers.ts"
import { certificateHandlers } from "./certificateHandlers.ts"
import { proxyHandlers } from "./proxyHandlers.ts"
import { handlers, middleware } from "./handlers.ts"
import { Incoming, type RestRequest } from "./RestRequest.ts"

/** The services of the router are for static files, which this API does not have; the handlers use the real ones. */
const routes = HttpApiBuilder.layer(Api).pipe(
  Layer.provide(HttpServer.layerServices),
  Layer.provide(
    Layer.provideMerge(Layer.mergeAll(handlers, authHandlers, certificateHandlers, proxyHandlers), middleware)
  )
)

/** A response that the router made, for example to an unsupported content type, has the form of the others. */
const withDetail = async (response: Response): Promise<Response> => {
  const isJson = response.headers.get("content-type")?.startsWith("application/json") === true
  if (response.status < 400 || isJson) return response
  const text = await response.text()
  return Response.json(
    { detail: text === "" ? `Error ${response.status}` : text },
    { status: response.status }
  )
}

/** Connections that it makes are closed with the scope. */
export const make = Effect.gen(function* () {
  const services = yield* Effect.context<never>()
  const effect = yield* HttpRouter.toHttpEffect(routes)
  const handle = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(
    services
  )(effect)
  return (request: Request, of: RestRequest["Service"]): Promise<Response> =>
    handle(request, Context.make(Incoming, of)).then(withDetail)
})
