/** The last events of a session's streams, so that a client that lost its connection can resume. */
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

/** Bounded: old events are dropped. May be kept outside of this process, so that its methods may wait. */
export interface EventStore {
  /** The id of a place in a stream where nothing was sent yet. */
  readonly mark: (stream: number) => Effect.Effect<string>
  /** Stores an event and returns its id. */
  readonly append: (stream: number, data: string) => Effect.Effect<string>
  /** What a stream sent after `id`; `undefined` if the id is unknown, or too old to know what was missed. */
  readonly after: (id: string) => Effect.Effect<Missed | undefined>
}

export interface EventStoreLimits {
  readonly events: number
  /** UTF-16 code units of all data together. */
  readonly size: number
}

/** Ids are `<stream>_<number>`; both are read back from what a client sends. */
const pattern = /^(\d{1,9})_(\d{1,15})$/

/** Keeps events in this process. Its Effects are complete when they are returned. */
export class MemoryEventStore implements EventStore {
  readonly #bounds: EventStoreLimits
  #events: Array<StoredEvent & { readonly number: number }> = []
  readonly #hold: Hold | undefined
  #size = 0
  #next = 1
  /** Events up to this number have been dropped. */
  #dropped = 0

  /** `hold`: what is kept is charged to it, and events are dropped where it denies more. */
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
