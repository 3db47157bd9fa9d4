/** Reads the events of a conversation from the files of the log. */
import type { ChatEvent } from "../ChatEvent.ts"
import { ChatStoreError } from "../ChatStore.ts"
import { containsText } from "../ConversationLog.ts"
import type { IndexedConversation, Place } from "./EventIndex.ts"
import { decodeEvent, type EventLine, isRemoved, isSegment } from "./lines.ts"
import { Moved, type SegmentFiles } from "./SegmentFiles.ts"
import { splitLines } from "./splitLines.ts"

export const unreadable = (id: string) =>
  new ChatStoreError({
    reason: "damaged",
    message: `Events of conversation ${id} cannot be read: events.jsonl was changed while it was read. Try again.`
  })

export interface ReadLine {
  readonly line: EventLine
  readonly place: Place
}

/** Lines in order of `seq`. Throws `Moved` if a file was changed by other means than this program. */
export function* readLines(
  files: SegmentFiles,
  { extents, state }: Pick<IndexedConversation, "extents" | "state">
): Generator<ReadLine> {
  for (const { length, offset, segment } of extents) {
    for (const { line, ...found } of splitLines(files.fileOf(segment).read(offset, length))) {
      if (line === undefined || isSegment(line) || isRemoved(line) || line.conversation !== state.id) {
        throw new Moved()
      }
      yield { line, place: { segment, offset: offset + found.offset, length: found.length } }
    }
  }
}

export interface ReadEvents {
  readonly events: ReadonlyArray<readonly [ChatEvent, size: number]>
  /** Lines of which the index knew enough, but whose other fields are wrong. */
  readonly damaged: ReadonlyArray<Place>
  /** `seq` of the last line that was read. */
  readonly last: number
}

/** Events after `after`, about `maxBytes` of them. */
export const readEvents = (
  files: SegmentFiles,
  { extents, state }: IndexedConversation,
  after: number,
  maxBytes: number
): ReadEvents => {
  const events: Array<readonly [ChatEvent, number]> = []
  const damaged: Array<Place> = []
  let last = after
  let bytes = 0
  for (const extent of extents) {
    if (extent.last <= after) continue
    if (bytes >= maxBytes) return { events, damaged, last }
    bytes += extent.length
    for (const { line, place } of readLines(files, { extents: [extent], state })) {
      if (line.seq <= after) continue
      last = line.seq
      const event = decodeEvent(line)
      if (event === "damaged") damaged.push(place)
      else if (event !== "newer") events.push([event, place.length])
    }
  }
  return { events, damaged, last: state.lastSeq }
}

/** Whether a message contains the text, in lower case. */
export const containsMessage = (
  files: SegmentFiles,
  conversation: IndexedConversation,
  text: string
): boolean => {
  for (const { line } of readLines(files, conversation)) {
    if (line.type !== "user_message" && line.type !== "assistant_message") continue
    const event = decodeEvent(line)
    if (typeof event !== "string" && containsText(event, text)) return true
  }
  return false
}
