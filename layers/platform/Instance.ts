/** The id of this service, by which it recognizes requests that it has sent to itself. */
import { Context, Effect, Layer } from "effect"
import { Ids } from "./Ids.ts"
import { WorkerSlot } from "./WorkerSlot.ts"

/** Header of requests to upstream servers. */
export const instanceHeader = "manifold-instance"

export class Instance extends Context.Service<Instance, { readonly id: string }>()(
  "manifold/platform/Instance"
) {
  /** That of the workers of one service; else a new id for each layer, as one process may have several services. */
  static readonly layer = Layer.effect(
    Instance,
    Effect.gen(function* () {
      const slot = yield* WorkerSlot
      const { next } = yield* Ids
      return Instance.of({ id: slot?.service ?? (yield* next) })
    })
  )
}
