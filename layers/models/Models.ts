/** Language and image models of all configured providers; every call runs under Guard and is charged once. */
import { Context, Effect, Layer, Stream } from "effect"
import type * as Response from "effect/ai/Response"
import { Guard } from "../guard/Guard.ts"
import { Prices } from "../ledger/Prices.ts"
import { Tokens } from "../ledger/Tokens.ts"
import { Outbound } from "../outbound/Outbound.ts"
import { Ids } from "../platform/Ids.ts"
import { ProgressEvents } from "../progress/ProgressEvents.ts"
import { configured, type Configured } from "./configuredProviders.ts"
import type { MadeImage } from "./Adapter.ts"
import type { ModelFailure, ModelRequest, NewImage } from "./ModelRequest.ts"

const make = Effect.gen(function* () {
  const settings = yield* configured
  const spine = {
    guard: yield* Guard,
    progress: yield* ProgressEvents,
    prices: yield* Prices,
    ids: yield* Ids
  }
  const tokens = yield* Tokens
  const outbound = yield* Outbound
  // SDKs and tokenizers are loaded by the first call.
  const calls = yield* Effect.cached(
    Effect.flatMap(
      Effect.promise(() => import("./modelCalls.ts")),
      ({ make: build }) => build({ settings, spine, tokens, outbound })
    )
  )
  return Models.of({
    ...settings,
    image: (request) => Effect.flatMap(calls, ({ image }) => image(request)),
    stream: (request) => Stream.unwrap(Effect.map(calls, ({ stream }) => stream(request)))
  })
})

export class Models extends Context.Service<
  Models,
  Configured & {
    /**
     * The response in parts, the last of which is `finish`: its metadata `manifold` has `provider`, `model`, `cost_usd` (null if the
     * price is unknown) and `uncertain`. Ending the stream early closes the connection to the provider.
     */
    readonly stream: (request: ModelRequest) => Stream.Stream<Response.StreamPartEncoded, ModelFailure>
    /** Makes one image, as a separate call. */
    readonly image: (request: NewImage) => Effect.Effect<MadeImage, ModelFailure>
  }
>()("manifold/models/Models") {
  static readonly layerNoDeps = Layer.effect(Models, make)
  static readonly layer = Models.layerNoDeps.pipe(Layer.provide([Prices.layer, Tokens.layer]))
}
