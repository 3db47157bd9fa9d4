/** Remembers the last events of a session's streams, so that a client that lost its connection can resume. */

export interface Event {
  readonly stream: number
  readonly id: string
  /** One JSON-RPC message, serialised. */
  readonly data: string
}

export interface Bounds {
  readonly events: number
  /** UTF-16 code units of all data together. */
  readonly size: number
}

/** Ids are `<stream>_<number>`; both are read back from what a client sends. */
const pattern = /^(\d{1,9})_(\d{1,15})$/

export class EventLog {
  readonly #bounds: Bounds
  #events: Array<Event & { readonly number: number }> = []
  #size = 0
  #next = 1
  /** Events up to this number have been dropped. */
  #dropped = 0

  constructor(bounds: Bounds) {
    this.#bounds = bounds
  }

  /** The id of a place in a stream where nothing was sent yet. */
  mark(stream: number): string {
    return `${stream}_${this.#next++}`
  }

  append(stream: number, data: string): string {
    const number = this.#next++
    const id = `${stream}_${number}`
    this.#events.push({ stream, id, data, number })
    this.#size += data.length
    while (this.#events.length > this.#bounds.events || this.#size > this.#bounds.size) {
      const first = this.#events.shift()
      if (first === undefined) break
      this.#size -= first.data.length
      this.#dropped = first.number
    }
    return id
  }

  /** What a stream sent after `id`; `undefined` if the id is unknown, or too old to know what was missed. */
  after(id: string): { readonly stream: number; readonly events: ReadonlyArray<Event> } | undefined {
    const found = pattern.exec(id)
    if (found === null) return undefined
    const stream = Number(found[1])
    const number = Number(found[2])
    if (number >= this.#next || number < this.#dropped) return undefined
    return {
      stream,
      events: this.#events.filter((event) => event.stream === stream && event.number > number)
    }
  }
}
