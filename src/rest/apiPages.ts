/** `/openapi.json`, `/docs` and `/redoc`: the API described for programs and people, without resources of other hosts. */
import { Context, Effect, type Layer, type Scope } from "effect"
import { HttpEffect, HttpRouter, type HttpServerRequest } from "effect/http"
import { HttpApiScalar, HttpApiSwagger, OpenApi } from "effect/http-api"
import { Identity } from "../domain/Identity.ts"
import { Api } from "./api.ts"

/** Scripts and styles are part of the page; requests go to this service only. */
const policy = [
  "default-src 'none'",
  "script-src 'unsafe-inline'",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'"
].join("; ")

/** Without what needs other hosts: fonts, hosted tools, telemetry. */
const scalar = {
  withDefaultFonts: false,
  showDeveloperTools: "never",
  hideClientButton: true,
  telemetry: false
}

/** The HTML of a page, made once. */
const html = Effect.fnUntraced(function* (
  path: string,
  layer: Layer.Layer<never, never, HttpRouter.HttpRouter>
) {
  const effect = yield* HttpRouter.toHttpEffect(layer)
  const handle = HttpEffect.toWebHandlerWith<never, HttpServerRequest.HttpServerRequest | Scope.Scope>(
    Context.empty()
  )(effect)
  return yield* Effect.promise(async () => (await handle(new Request(`http://localhost${path}`))).text())
}, Effect.scoped)

export const make = Effect.gen(function* () {
  const { version } = yield* Identity
  const api = Api.annotate(OpenApi.Version, version)
  const docs = yield* Effect.cached(html("/docs", HttpApiSwagger.layer(api, { path: "/docs" })))
  const reference = yield* Effect.cached(html("/redoc", HttpApiScalar.layer(api, { path: "/redoc", scalar })))
  const description = OpenApi.fromApi(api)
  return (path: string): Effect.Effect<Response> =>
    path === "/openapi.json"
      ? Effect.sync(() => Response.json(description))
      : Effect.map(
          path === "/docs" ? docs : reference,
          (page) =>
            new Response(page, {
              headers: {
                "content-type": "text/html; charset=utf-8",
                "content-security-policy": policy,
                "referrer-policy": "no-referrer"
              }
            })
        )
})
