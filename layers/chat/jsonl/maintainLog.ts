/** Work after `events.jsonl` was sealed: removes old conversations, and rewrites segments. */
import { Duration, Effect, Semaphore } from "effect"
import type { IndexedConversation } from "./EventIndex.ts"
import type { JsonlLog } from "./JsonlLog.ts"
import { rewriteSegments } from "./rewriteSegments.ts"

/** `now`: the time in ISO 8601. The effect runs one at a time. */
export const maintainLog = (
  log: JsonlLog,
  retention: Duration.Duration,
  now: () => string
): Effect.Effect<void> => {
  /** Removes conversations without events for the time of retention, one after another. */
  const removeOld = Effect.suspend(() => {
    const oldest = new Date(Date.parse(now()) - Duration.toMillis(retention)).toISOString()
    const isOld = ({ state }: IndexedConversation) => state.running === undefined && state.updated < oldest
    return Effect.forEach(
      [...log.index.conversations.values()].filter(isOld),
      ({ state: { id } }) =>
        Effect.andThen(
          Effect.yieldNow,
          log.transact("removed", () => {
            const found = log.index.conversations.get(id)
            if (found !== undefined && isOld(found)) log.remove(id, now())
          })
        ),
      { discard: true }
    )
  })
  const single = Semaphore.makeUnsafe(1)
  return Effect.andThen(removeOld, rewriteSegments(log)).pipe(
    single.withPermit,
    Effect.catch((error) =>
      Effect.logWarning(`Segments of events.jsonl were not rewritten: ${error.message}`)
    )
  )
}
