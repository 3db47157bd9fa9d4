/** Publishes progress events of calls on the channel `progress`, to the principal of each call. */
import { Effect, Layer } from "effect"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { Channels } from "../../layers/events/Channels.ts"

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const { listen } = yield* ProgressEvents
    const { publishUnsafe } = yield* Channels
    yield* listen((owner, event) => publishUnsafe("progress", owner, event))
  })
)
