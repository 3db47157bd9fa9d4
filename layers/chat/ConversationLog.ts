/** One conversation in memory: its events, without the deltas of stored messages, and what follows from them. */
import type { ChatEvent, ChatEventOf } from "./ChatEvent.ts"
import type { Conversation } from "./ChatStore.ts"

/** Characters of the first message that are the title. */
const titleLength = 80

const textOf = (content: ChatEventOf<"user_message">["content"]): string =>
  content.flatMap((block) => (block.type === "text" ? [block.text] : [])).join(" ")

const titleOf = (message: ChatEventOf<"user_message">): string =>
  textOf(message.content).trim().replace(/\s+/g, " ").slice(0, titleLength)

export class ConversationLog {
  readonly id: string
  #events: Array<ChatEvent> = []
  #principal = ""
  #created = ""
  #updated = ""
  #title: string | undefined
  #lastSeq = 0
  #bytes = 0
  #running: Conversation["running"]
  /** Requests for input that have no answer yet. */
  readonly #open = new Set<string>()

  constructor(id: string) {
    this.id = id
  }

  get events(): ReadonlyArray<ChatEvent> {
    return this.#events
  }

  get lastSeq(): number {
    return this.#lastSeq
  }

  /** Of the events as JSON, in UTF-16 units. */
  get bytes(): number {
    return this.#bytes
  }

  get running(): Conversation["running"] {
    return this.#running
  }

  get principal(): string {
    return this.#principal
  }

  get updated(): string {
    return this.#updated
  }

  get info(): Conversation {
    return {
      id: this.id,
      principal: this.#principal,
      created: this.#created,
      updated: this.#updated,
      title: this.#title ?? "",
      lastSeq: this.#lastSeq,
      running: this.#running
    }
  }

  /** Whether the request for input, or the turn, that the event is about is still open. */
  isOpen(event: { readonly type: string; readonly request_id: string; readonly id?: string }): boolean {
    if (this.#running?.requestId !== event.request_id) return false
    return event.type === "stop_requested" || this.#open.has(event.id ?? "")
  }

  /** `size`: of the event as JSON. */
  add(event: ChatEvent, size: number) {
    this.#lastSeq = event.seq
    this.#updated = event.timestamp
    this.#bytes += size
    if (event.type === "assistant_message") this.#compact(event)
    this.#events.push(event)
    switch (event.type) {
      case "conversation_started":
        this.#principal = event.principal
        this.#created = event.timestamp
        break
      case "user_message":
        this.#title ??= titleOf(event)
        this.#running = { requestId: event.request_id, seq: event.seq }
        break
      case "input_requested":
        this.#open.add(event.id)
        break
      case "input_answered":
        this.#open.delete(event.id)
        break
      case "turn_completed":
      case "turn_failed":
        this.#running = undefined
        this.#open.clear()
        break
      default:
        break
    }
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
    return this.#events.some((event) => {
      if (event.type === "user_message") return textOf(event.content).toLowerCase().includes(text)
      if (event.type !== "assistant_message") return false
      return event.parts.some((part) => part.type === "text" && part.text.toLowerCase().includes(text))
    })
  }

  #compact({ hop, request_id }: ChatEventOf<"assistant_message">) {
    this.#events = this.#events.filter(
      (event) =>
        !(event.type === "text_delta" || event.type === "reasoning_delta") ||
        event.request_id !== request_id ||
        event.hop !== hop
    )
  }
}
