/** The events of a conversation as a stream that goes on with new ones. */
import { Effect, Stream } from "effect"
import type { ChatEvent } from "./ChatEvent.ts"
import { expandDeltas } from "./expandDeltas.ts"

export interface EventSource<E> {
  /** Stored events with a higher `seq`. */
  readonly read: (after: number) => Effect.Effect<ReadonlyArray<ChatEvent>, E>
  /** Until there may be events with a higher `seq`, at the latest when there are some. */
  readonly wait: (after: number) => Effect.Effect<void>
}

export const watchEvents = <E>(after: number, { read, wait }: EventSource<E>): Stream.Stream<ChatEvent, E> =>
  Stream.suspend(() => {
    let last = after
    const next = Effect.gen(function* () {
      for (;;) {
        const events = expandDeltas(yield* read(last), last)
        const newest = events.at(-1)
        if (newest !== undefined) {
          last = newest.seq
          return events
        }
        yield* wait(last)
      }
    })
    return Stream.fromIterableEffectRepeat(next)
  })
