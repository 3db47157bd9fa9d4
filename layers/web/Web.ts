/** Fetches one web page at a time as text. */
import { Context, Effect, Layer } from "effect"
import { ConfigSource } from "../config/ConfigSource.ts"
import { Outbound } from "../outbound/Outbound.ts"
import type { WebPage, WebPageRequest } from "./WebPage.ts"
import { section } from "./section.ts"

export class Web extends Context.Service<
  Web,
  {
    /** Never fails: the page's `error` says what went wrong. */
    readonly fetch: (request: WebPageRequest) => Effect.Effect<WebPage>
  }
>()("manifold/web/Web") {
  static readonly layer = Layer.effect(
    Web,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const outbound = yield* Outbound
      // Loaded by the first call, so that a start pays for none of it. The section was checked at the start.
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
