/** Event streams of one session by number: resumable, and closed when the credential that opened them ends. */
import { Effect } from "effect"
import type { Authenticator } from "../identity/Authenticator.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import type { Hold } from "../quotas/Quota.ts"
import { Backlog, type BacklogOptions } from "./Backlog.ts"
import { EventStream } from "./EventStream.ts"
import type { EventStore, Missed } from "./EventStore.ts"
import { SerialQueue } from "./SerialQueue.ts"

export interface StreamsOptions extends BacklogOptions {
  /** Called when the first event is stored. */
  readonly makeEvents: () => EventStore
  readonly follow: Authenticator["Service"]["follow"]
  /** Reconnection time for clients (SSE `retry`), in milliseconds. */
  readonly retry: number
}

export interface StreamsListener {
  /** The reader of the stream disconnected. */
  readonly lost: (number: number) => void
  /** The credential that opened the stream ended; the stream is closed afterwards. */
  readonly grantEnded: (number: number, why: Ended) => void
  readonly failed: (error: Error) => void
}

interface Open {
  readonly stream: EventStream
  /** Unsubscribes from the credential. */
  readonly unfollow: () => void
  /** Its share of a quota until it is closed. */
  readonly held: Hold | undefined
}

export class SessionStreams {
  readonly #options: StreamsOptions
  readonly #memory: () => Hold
  readonly #listener: StreamsListener
  readonly #open = new Map<number, Open>()
  readonly #order = new SerialQueue()
  #events: EventStore | undefined

  /** `memory` makes the hold that buffered bytes of one stream are charged to. */
  constructor(options: StreamsOptions, memory: () => Hold, listener: StreamsListener) {
    this.#options = options
    this.#memory = memory
    this.#listener = listener
  }

  /** Number of open streams. */
  get size(): number {
    return this.#open.size
  }

  /** Opens the stream and closes an earlier one of its number. `cut` closes its connection; `held` ends with it. */
  open(number: number, grant: Grant, cut: () => void, held?: Hold): EventStream {
    this.close(number)
    const stream = new EventStream(new Backlog(this.#options, this.#memory(), cut), () => {
      if (this.#open.get(number)?.stream === stream) this.#forget(number)
      this.#listener.lost(number)
    })
    const unfollow = this.#options.follow(grant, {
      ended: (why) => {
        this.#listener.grantEnded(number, why)
        this.close(number)
      }
    })
    this.#open.set(number, { stream, unfollow, held })
    return stream
  }

  /** Sends an empty first event, so that the stream can be resumed from its start. */
  prime(number: number, stream: EventStream) {
    this.#inOrder(this.#store.mark(number), (id) => stream.event("", id, this.#options.retry))
  }

  /** Stores a JSON message, and sends it if the stream is open. */
  send(number: number, data: string) {
    this.#inOrder(this.#store.append(number, data), (id) => this.#open.get(number)?.stream.event(data, id))
  }

  /** Whether the stream is open, or may be resumed. */
  isKnown(number: number): boolean {
    return this.#events !== undefined || this.#open.has(number)
  }

  /** Events after `id`; `undefined` if the id is unknown or its successors were dropped. */
  missed(id: string): Effect.Effect<Missed | undefined> {
    return this.#events?.after(id) ?? Effect.undefined
  }

  /** Closes the stream after all pending events are stored. */
  end(number: number) {
    if (this.#open.has(number)) this.#inOrder(Effect.void, () => this.close(number))
  }

  close(number: number) {
    const open = this.#open.get(number)
    this.#forget(number)
    open?.stream.close()
  }

  closeAll() {
    for (const number of this.#open.keys()) this.close(number)
  }

  /** Keep-alive: sends a comment on every stream. */
  beat() {
    for (const { stream } of this.#open.values()) stream.comment("keepalive")
  }

  get #store(): EventStore {
    return (this.#events ??= this.#options.makeEvents())
  }

  #forget(number: number) {
    const open = this.#open.get(number)
    open?.unfollow()
    open?.held?.end()
    this.#open.delete(number)
  }

  #inOrder<A>(effect: Effect.Effect<A>, use: (value: A) => void) {
    this.#order.run(effect, use, (cause) =>
      this.#listener.failed(new Error("an event could not be stored", { cause }))
    )
  }
}
