/** New identifiers and secrets, behind a service so that a test can hold them still. */
import { Context, Effect, Layer } from "effect"

export class Ids extends Context.Service<
  Ids,
  {
    /** A UUIDv7 (RFC 9562, section 5.7), greater than every one that this process made before. */
    readonly next: Effect.Effect<string>
    /** `next`, for code that is not an Effect. */
    readonly nextUnsafe: () => string
    /** That many unpredictable bytes, at most 65,536. */
    readonly secret: (bytes: number) => Effect.Effect<Uint8Array<ArrayBuffer>>
  }
>()("manifold/platform/Ids") {
  static readonly layer = Layer.succeed(
    Ids,
    Ids.of({
      next: Effect.sync(() => Bun.randomUUIDv7()),
      nextUnsafe: () => Bun.randomUUIDv7(),
      secret: (bytes) => Effect.sync(() => crypto.getRandomValues(new Uint8Array(bytes)))
    })
  )

  /** Counts from 1: ids end in the count, the bytes of the n-th secret are all n (modulo 256). */
  static readonly layerTest = Layer.sync(Ids, () => {
    let ids = 0
    let secrets = 0
    const nextUnsafe = () => `00000000-0000-7000-8000-${String(++ids).padStart(12, "0")}`
    return Ids.of({
      next: Effect.sync(nextUnsafe),
      nextUnsafe,
      secret: (bytes) => Effect.sync(() => new Uint8Array(bytes).fill(++secrets))
    })
  })
}
