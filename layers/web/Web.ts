/** Fetches a web page as text. */
import { Context, Effect, Layer } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Outbound } from "../outbound/Outbound.ts"
import type { WebPage, WebPageRequest } from "./WebPage.ts"
import { section } from "./section.ts"

export class Web extends Context.Service<
  Web,
  {
    /** Never fails: errors are in the page's `error`. */
    readonly fetch: (request: WebPageRequest) => Effect.Effect<WebPage>
  }
>()("manifold/web/Web") {
  static readonly layer = Layer.effect(
    Web,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const outbound = yield* Outbound
      // Lazy: loaded by the first call. The section was checked at start.
      const load = yield* Effect.cached(
        Effect.gen(function* () {
          const { make } = yield* Effect.promise(() => import("./fetchPage.ts"))
          return yield* make(outbound, yield* Effect.orDie(config.read(section)))
        })
      )
      return Web.of({
        fetch: Effect.fn("Web.fetch")(function* (request: WebPageRequest) {
          const fetchPage = yield* load
          return yield* fetchPage(request)
        })
      })
    })
  )
}
