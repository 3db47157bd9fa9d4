/** Reads a conversation into the cache, in pieces between which other work continues. */
import { Effect } from "effect"
import type { HotLogs } from "../HotLogs.ts"
import { notFound } from "../storeErrors.ts"
import type { IndexedConversation } from "./EventIndex.ts"
import type { JsonlLog } from "./JsonlLog.ts"
import { readEvents, type ReadEvents } from "./readEvents.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"

/** Bytes of events that are decoded before other work continues. */
const pieceBytes = 128 * 2 ** 10

/** The conversation in the cache, or what of it is damaged; nothing is quarantined. */
export const cacheConversation = (files: SegmentFiles, log: JsonlLog, hot: HotLogs) =>
  Effect.fnUntraced(function* (id: string) {
    let all: Array<ReadEvents["events"][number]> = []
    let after = 0
    let reading: IndexedConversation | undefined
    for (;;) {
      const step = yield* log.query(() => {
        const found = log.index.conversations.get(id)
        if (found === undefined) return undefined
        // It was removed and begun again, or the files were edited.
        if (found !== reading) [reading, all, after] = [found, [], 0]
        const known = hot.get(id)
        if (known?.state.lastSeq === found.state.lastSeq) return { log: known, damaged: [] }
        const { damaged, events, last } = readEvents(files, found, after, pieceBytes)
        for (const event of events) all.push(event)
        if (damaged.length > 0 && !files.isReadOnly) return { log: undefined, damaged }
        if (last < found.state.lastSeq) return { last }
        const read = hot.start(id)
        for (const [event, size] of all) hot.add(event, size)
        return { log: read, damaged }
      })
      if (step === undefined) return yield* notFound(id)
      if (step.last === undefined) return step
      after = step.last
      yield* Effect.yieldNow
    }
  })
