/** Streams of the events of a conversation, for the readers of this process. */
import { Effect } from "effect"
import type { ChatEvent } from "../ChatEvent.ts"
import type { ChatStoreError } from "../ChatStore.ts"
import type { ConversationLog } from "../ConversationLog.ts"
import type { HotLogs } from "../HotLogs.ts"
import { watchEvents, watchResponses } from "../watchEvents.ts"
import type { JsonlLog } from "./JsonlLog.ts"
import type { LogWakers } from "./LogWakers.ts"
import { watchOthers } from "./watchOthers.ts"

export interface WatchedLog {
  readonly log: JsonlLog
  readonly hot: HotLogs
  readonly wakers: LogWakers
  /** The conversation in the cache, with everything that was written. */
  readonly logOf: (conversation: string) => Effect.Effect<ConversationLog, ChatStoreError>
  /** Ends the turn of a conversation if its process has died. */
  readonly settle: (conversation: string) => Effect.Effect<unknown, ChatStoreError>
}

export const watchLog = Effect.fnUntraced(function* ({ hot, log, logOf, settle, wakers }: WatchedLog) {
  const whileSeen = yield* watchOthers(log, wakers.events, settle)

  const readAfter =
    (id: string) =>
    (last: number): Effect.Effect<ReadonlyArray<ChatEvent>, ChatStoreError> =>
      Effect.suspend(() => {
        const known = hot.get(id)
        // As a rule, what this process wrote: it needs no look at the files.
        return known !== undefined && known.state.lastSeq > last
          ? Effect.succeed(known.between(last, Infinity))
          : Effect.map(logOf(id), (found) => found.between(last, Infinity))
      })

  const stateOf = (id: string) => log.index.conversations.get(id)?.state

  return {
    watch: (id: string, after: number) =>
      watchEvents(after, {
        read: readAfter(id),
        wait: (last) => whileSeen(wakers.events.wait(id, () => (stateOf(id)?.lastSeq ?? Infinity) > last))
      }),
    watchResponses: (id: string, after: number) =>
      watchResponses(after, {
        read: readAfter(id),
        wait: (last) =>
          whileSeen(wakers.responses.wait(id, () => (stateOf(id)?.lastResponse ?? Infinity) > last))
      })
  }
})
