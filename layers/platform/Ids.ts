/** New identifiers and random secrets, as a service that tests can replace. */
import { Context, Effect, Layer } from "effect"

export class Ids extends Context.Service<
  Ids,
  {
    /** A UUIDv7 (RFC 9562, section 5.7), greater than all earlier ones of this process. */
    readonly next: Effect.Effect<string>
    /** `next`, for code that is not an Effect. */
    readonly nextUnsafe: () => string
    /** Cryptographically random bytes, at most 65,536. */
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

  /** Deterministic: ids end in a count from 1; all bytes of the n-th secret are n (modulo 256). */
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
