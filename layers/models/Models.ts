/** Language and image models of all configured providers; every call runs under Guard and is charged once. */
import { Context, Effect, Layer, type Scope, Stream } from "effect"
import type * as Response from "effect/ai/Response"
import { Guard } from "../guard/Guard.ts"
import { Prices } from "../ledger/Prices.ts"
import { Tokens } from "../ledger/Tokens.ts"
import { Outbound } from "../outbound/Outbound.ts"
import { Ids } from "../platform/Ids.ts"
import { ProgressEvents } from "../progress/ProgressEvents.ts"
import { follow, none, type Configured } from "./configuredProviders.ts"
import type { MadeImage } from "./Adapter.ts"
import type { ModelFailure, ModelRequest, NewImage } from "./ModelRequest.ts"

type Apply = (now: Configured) => Effect.Effect<void>

const make = Effect.gen(function* () {
  let settings: Configured | undefined
  const followers = new Set<Apply>()
  const current = () => settings ?? none
  yield* follow((now) => {
    settings = now
    return Effect.forEach([...followers], (apply) => apply(now), { discard: true })
  })
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
      ({ make: build }) => build({ settings: current, spine, tokens, outbound })
    )
  )
  return Models.of({
    get active() {
      return current().active
    },
    get providers() {
      return current().providers
    },
    get fallback() {
      return current().fallback
    },
    get maxInputBytes() {
      return current().maxInputBytes
    },
    get imagesAtOnce() {
      return current().imagesAtOnce
    },
    follow: (apply) =>
      Effect.acquireRelease(
        Effect.sync(() => followers.add(apply)),
        () => Effect.sync(() => followers.delete(apply))
      ).pipe(Effect.andThen(Effect.suspend(() => apply(current())))),
    prepare: Effect.flatMap(calls, ({ prepare }) => prepare),
    image: (request) => Effect.flatMap(calls, ({ image }) => image(request)),
    stream: (request) => Stream.unwrap(Effect.flatMap(calls, ({ begin }) => begin(request)))
  })
})

export class Models extends Context.Service<
  Models,
  /** The settings in force; a reload replaces them. */
  Pick<Configured, "active" | "fallback" | "imagesAtOnce" | "maxInputBytes" | "providers"> & {
    /** Applies the settings now, and after each reload that changed them, until the scope closes. */
    readonly follow: (apply: Apply) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Loads what the first request to the active provider needs, and opens a connection to it by reading its model list. Never
     * fails: that request finds what is wrong.
     */
    readonly prepare: Effect.Effect<void>
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
