/** The events of a conversation as a stream that goes on with new ones. */
import { Array, Effect, Stream } from "effect"
import { type ChatEvent, isTurnResponse, type TurnResponse } from "./ChatEvent.ts"
import { expandDeltas } from "./expandDeltas.ts"

export interface EventSource<E> {
  /** Stored events with a higher `seq`. */
  readonly read: (after: number) => Effect.Effect<ReadonlyArray<ChatEvent>, E>
  /** Until there may be events with a higher `seq` that the reader wants, at the latest when there are some. */
  readonly wait: (after: number) => Effect.Effect<void>
}

/** `choose`: of the events that follow `after`. */
const watch = <A extends ChatEvent, E>(
  after: number,
  { read, wait }: EventSource<E>,
  choose: (events: ReadonlyArray<ChatEvent>, after: number) => ReadonlyArray<A>
): Stream.Stream<A, E> =>
  Stream.suspend(() => {
    let last = after
    const next = Effect.gen(function* () {
      for (;;) {
        const events = yield* read(last)
        const chosen = choose(events, last)
        last = events.at(-1)?.seq ?? last
        if (Array.isReadonlyArrayNonEmpty(chosen)) return chosen
        yield* wait(last)
      }
    })
    return Stream.fromPull(Effect.succeed(next))
  })

export const watchEvents = <E>(after: number, source: EventSource<E>): Stream.Stream<ChatEvent, E> =>
  watch(after, source, expandDeltas)

/** Those of `ChatStore.respond` only. */
export const watchResponses = <E>(after: number, source: EventSource<E>): Stream.Stream<TurnResponse, E> =>
  watch(after, source, (events) => events.filter(isTurnResponse))
