/** One conversation in memory: its events, without the deltas of stored messages. */
import { type ChatEvent, type ChatEventOf, type Delta, isDelta } from "./ChatEvent.ts"
import { ConversationState, textOf } from "./ConversationState.ts"

export class ConversationLog {
  readonly state: ConversationState
  #events: Array<ChatEvent> = []

  constructor(id: string) {
    this.state = new ConversationState(id)
  }

  get events(): ReadonlyArray<ChatEvent> {
    return this.#events
  }

  /** `size`: of the event as JSON. */
  add(event: ChatEvent, size: number) {
    this.state.apply(event, size)
    if (event.type === "assistant_message") this.#compact(event)
    this.#events.push(event)
  }

  /** Deltas of one message. `size`: of all. */
  addDeltas(deltas: ReadonlyArray<Delta>, size: number) {
    const last = deltas.at(-1)
    if (last === undefined) return
    this.state.apply(last, size)
    for (const delta of deltas) this.#events.push(delta)
  }

  /** In order; `after` and `before` are exclusive. */
  between(after: number, before: number): ReadonlyArray<ChatEvent> {
    return this.#events.slice(this.#indexAfter(after), this.#indexAfter(before - 1))
  }

  /** Index of the first event whose `seq` is larger. */
  #indexAfter(seq: number): number {
    let [low, high] = [0, this.#events.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#events[middle]?.seq ?? 0) > seq) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Whether a message of the user or of a model contains the text, in lower case. */
  contains(text: string): boolean {
    return this.#events.some((event) => containsText(event, text))
  }

  /** The deltas of a message are among the latest events: those of its turn. */
  #compact({ hop, request_id }: ChatEventOf<"assistant_message">) {
    let first = this.#events.length
    while (first > 0 && this.#events[first - 1]?.type !== "user_message") first--
    const kept = this.#events
      .splice(first)
      .filter(
        (event) =>
          !isDelta(event.type) || !("hop" in event) || event.request_id !== request_id || event.hop !== hop
      )
    for (const event of kept) this.#events.push(event)
  }
}

/** Whether it is a message that contains the text, in lower case. */
export const containsText = (event: ChatEvent, text: string): boolean => {
  if (event.type === "user_message") return textOf(event.content).toLowerCase().includes(text)
  if (event.type !== "assistant_message") return false
  return event.parts.some((part) => part.type === "text" && part.text.toLowerCase().includes(text))
}
