/** Title, running turn, open requests and size of a conversation, which follow from its events. */
import { isDelta, isTurnResponseType } from "./ChatEvent.ts"
import type { Conversation } from "./ChatStore.ts"

/** Characters of the first message that are the title. */
const titleLength = 80

/** The fields of an event that the state depends on. */
export interface EventMark {
  readonly type: string
  readonly seq: number
  readonly timestamp: string
  readonly principal?: string
  readonly request_id?: string
  readonly content?: unknown
  readonly hop?: number
  readonly id?: string
}

/** The text of blocks; `content` may be anything. */
export const textOf = (content: unknown): string =>
  Array.isArray(content)
    ? content
        .flatMap((block: { readonly text?: unknown } | null) =>
          typeof block?.text === "string" ? [block.text] : []
        )
        .join(" ")
    : ""

/** An unfinished surrogate pair at the end would be no text. */
const titleOf = (content: unknown): string =>
  textOf(content).trim().replace(/\s+/g, " ").slice(0, titleLength).toWellFormed()

export const isEnd = (type: string): boolean => type === "turn_completed" || type === "turn_failed"

export class ConversationState {
  readonly id: string
  principal = ""
  created = ""
  updated = ""
  lastSeq = 0
  /** `seq` of the last event of `ChatStore.respond`; 0: there is none. */
  lastResponse = 0
  running: Conversation["running"]
  /** The process that runs the turn. */
  owner: string | undefined
  /** Bytes of the events, without the deltas of stored messages. */
  bytes = 0
  #title: string | undefined
  /** Whether the running turn was asked to stop. */
  isStopping = false
  /** Requests for input that have no response yet. */
  readonly #open = new Set<string>()
  /** Bytes of the deltas of each model call of the running turn. */
  readonly #deltas = new Map<number, number>()

  constructor(id: string) {
    this.id = id
  }

  get info(): Conversation {
    const { created, id, lastSeq, principal, running, updated } = this
    return { id, principal, created, updated, title: this.#title ?? "", lastSeq, running }
  }

  /** Whether the event asks the turn to stop, which it was asked before. */
  isRepeated({ type }: { readonly type: string }): boolean {
    return type === "stop_requested" && this.isStopping
  }

  /** Whether the request for input, or the turn, that the event is about is still open. */
  isOpen(event: { readonly type: string; readonly request_id: string; readonly id?: string }): boolean {
    if (this.running?.requestId !== event.request_id) return false
    return event.type === "stop_requested" || this.#open.has(event.id ?? "")
  }

  /** `size`: of the event in bytes. `owner`: of the turn that the event begins. */
  apply(event: EventMark, size: number, owner?: string) {
    const { content, hop = 0, id = "", principal, request_id = "", seq, timestamp, type } = event
    this.lastSeq = seq
    if (isTurnResponseType(type)) this.lastResponse = seq
    this.updated = timestamp
    if (this.created === "") this.created = timestamp
    if (principal !== undefined) this.principal = principal
    this.bytes += size
    if (isDelta(type)) this.#deltas.set(hop, (this.#deltas.get(hop) ?? 0) + size)
    if (type === "assistant_message") {
      this.bytes -= this.#deltas.get(hop) ?? 0
      this.#deltas.delete(hop)
    }
    if (type === "user_message") {
      this.#title ??= titleOf(content)
      this.running = { requestId: request_id, seq }
      this.owner = owner
      this.isStopping = false
      this.#deltas.clear()
    }
    if (type === "stop_requested") this.isStopping = true
    if (type === "input_requested") this.#open.add(id)
    if (type === "input_answered") this.#open.delete(id)
    if (isEnd(type)) {
      this.running = undefined
      this.owner = undefined
      this.#open.clear()
    }
  }
}
