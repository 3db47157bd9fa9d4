/** Cache of conversations with their events, the least recently used first. */
import type { ChatEvent, Delta } from "./ChatEvent.ts"
import { ConversationLog } from "./ConversationLog.ts"

/** Of all events in the cache, as JSON. One conversation may be larger. */
const maxBytes = 32 * 2 ** 20

export class HotLogs {
  readonly #logs = new Map<string, ConversationLog>()
  #bytes = 0

  get(id: string): ConversationLog | undefined {
    const log = this.#logs.get(id)
    if (log === undefined) return undefined
    this.#logs.delete(id)
    this.#logs.set(id, log)
    return log
  }

  has(id: string): boolean {
    return this.#logs.has(id)
  }

  /** Begins a conversation that has no events yet. */
  start(id: string): ConversationLog {
    this.delete(id)
    const log = new ConversationLog(id)
    this.#logs.set(id, log)
    return log
  }

  /** Adds the next event, if the conversation is in the cache. */
  add(event: ChatEvent, size: number) {
    this.#change(event.conversation, (log) => log.add(event, size))
  }

  /** Adds the next events, which are deltas of one message. `size`: of all. */
  addDeltas(conversation: string, deltas: ReadonlyArray<Delta>, size: number) {
    this.#change(conversation, (log) => log.addDeltas(deltas, size))
  }

  #change(conversation: string, change: (log: ConversationLog) => void) {
    const log = this.#logs.get(conversation)
    if (log === undefined) return
    this.#bytes -= log.state.bytes
    change(log)
    this.#bytes += log.state.bytes
    if (this.#bytes <= maxBytes) return
    for (const id of this.#logs.keys()) {
      if (this.#bytes <= maxBytes || this.#logs.size === 1) return
      if (id !== conversation) this.delete(id)
    }
  }

  delete(id: string) {
    const log = this.#logs.get(id)
    if (log === undefined) return
    this.#bytes -= log.state.bytes
    this.#logs.delete(id)
  }

  clear() {
    this.#logs.clear()
    this.#bytes = 0
  }
}
