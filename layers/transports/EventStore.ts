/** Replay buffer of a session's streams, from which a client resumes after a lost connection (`Last-Event-ID`). */
import { Effect } from "effect"
import type { Hold } from "../quotas/Quota.ts"

export interface StoredEvent {
  readonly stream: number
  readonly id: string
  /** One JSON-RPC message, serialised. */
  readonly data: string
}

export interface Missed {
  readonly stream: number
  readonly events: ReadonlyArray<StoredEvent>
}

/** Bounded: old events are dropped. Effects, because a store may be outside of this process. */
export interface EventStore {
  /** The id of a position in a stream without an event. */
  readonly mark: (stream: number) => Effect.Effect<string>
  /** Stores an event and returns its id. */
  readonly append: (stream: number, data: string) => Effect.Effect<string>
  /** The events of a stream after `id`; `undefined` if the id is unknown or its successors were dropped. */
  readonly after: (id: string) => Effect.Effect<Missed | undefined>
}

export interface EventStoreLimits {
  readonly events: number
  /** Total UTF-16 code units of all data. */
  readonly size: number
}

/** Format of ids: `<stream>_<number>`; clients send them back. */
const pattern = /^(\d{1,9})_(\d{1,15})$/

/** Stores events in memory. Its Effects complete synchronously. */
export class MemoryEventStore implements EventStore {
  readonly #bounds: EventStoreLimits
  #events: Array<StoredEvent & { readonly number: number }> = []
  readonly #hold: Hold | undefined
  #size = 0
  #next = 1
  /** Number of the last dropped event. */
  #dropped = 0

  /** Stored data is charged to `hold`; events are dropped when it reaches its quota. */
  constructor(bounds: EventStoreLimits, hold?: Hold) {
    this.#bounds = bounds
    this.#hold = hold
  }

  mark(stream: number): Effect.Effect<string> {
    return Effect.succeed(`${stream}_${this.#next++}`)
  }

  append(stream: number, data: string): Effect.Effect<string> {
    const number = this.#next++
    const id = `${stream}_${number}`
    this.#events.push({ stream, id, data, number })
    this.#size += data.length
    while (this.#events.length > this.#bounds.events || this.#size > this.#bounds.size) this.#drop()
    while (this.#hold?.set(this.#size) === false && this.#events.length > 0) this.#drop()
    return Effect.succeed(id)
  }

  after(id: string): Effect.Effect<Missed | undefined> {
    const found = pattern.exec(id)
    if (found === null) return Effect.undefined
    const stream = Number(found[1])
    const number = Number(found[2])
    if (number >= this.#next || number < this.#dropped) return Effect.undefined
    return Effect.succeed({
      stream,
      events: this.#events.filter((event) => event.stream === stream && event.number > number)
    })
  }

  #drop() {
    const first = this.#events.shift()
    if (first === undefined) return
    this.#size -= first.data.length
    this.#dropped = first.number
  }
}
