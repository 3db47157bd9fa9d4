/** Makes ids and secrets. */
import { Context, Effect, Layer } from "effect"
export class Ids extends Context.Service<Ids, { readonly next: Effect.Effect<string>; readonly nextUnsafe: () => string; readonly secret: (bytes: number) => Effect.Effect<Uint8Array> }>()("manifold/platform/Ids") {
  static readonly layer = Layer.succeed(Ids, { next: Effect.sync(() => Bun.randomUUIDv7()), nextUnsafe: () => Bun.randomUUIDv7(), secret: (n) => Effect.sync(() => crypto.getRandomValues(new Uint8Array(n))) })
}
