/** Makes the deltas of a stored message again, for readers that had seen a part of them. */
import type { ChatEvent, ChatEventOf, Delta } from "./ChatEvent.ts"

const deltasOf = (message: ChatEventOf<"assistant_message">, after: number): ReadonlyArray<Delta> => {
  const { conversation, hop, request_id, timestamp } = message
  return message.parts.flatMap((part): ReadonlyArray<Delta> => {
    if (part.type === "tool_call") return []
    const type = part.type === "text" ? "text_delta" : "reasoning_delta"
    let end = 0
    return part.deltas.flatMap(({ length, seq }): ReadonlyArray<Delta> => {
      const text = part.text.slice(end, (end += length))
      return seq > after ? [{ type, conversation, seq, timestamp, request_id, hop, text }] : []
    })
  })
}

/** `events`: all stored ones after `after`, in order. The result has every `seq` from `after` + 1 on. */
export const expandDeltas = (events: ReadonlyArray<ChatEvent>, after: number): ReadonlyArray<ChatEvent> => {
  if (!events.some(({ type }) => type === "assistant_message")) return events
  const known = new Set(events.map(({ seq }) => seq))
  return events
    .flatMap((event): ReadonlyArray<ChatEvent> =>
      event.type === "assistant_message"
        ? [...deltasOf(event, after).filter(({ seq }) => !known.has(seq)), event]
        : [event]
    )
    .toSorted((one, other) => one.seq - other.seq)
}
