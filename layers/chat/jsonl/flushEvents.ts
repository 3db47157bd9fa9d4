/** Flushes written events to the disk, as often as `chat.fsync` says. */
import { Effect } from "effect"
import { ChatStoreError } from "../ChatStore.ts"
import { isEnd } from "../ConversationState.ts"
import type { ChatSettings } from "../section.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"

export const makeFlush = (files: SegmentFiles, fsync: ChatSettings["fsync"]) => {
  const isDue = (events: ReadonlyArray<{ readonly type: string }>) =>
    fsync === "always" ||
    (fsync === "turn" && events.some(({ type }) => type === "user_message" || isEnd(type)))

  const flush = Effect.tryPromise({
    try: () => files.sync(),
    catch: (cause) =>
      new ChatStoreError({
        reason: "unavailable",
        message: `Events were written, but not flushed to the disk: ${String(cause)}`
      })
  })

  return { isDue, flush }
}
