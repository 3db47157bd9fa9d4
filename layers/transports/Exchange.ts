/** One POST of a session: plain JSON if all answers are there in this turn of the event loop, else a stream. */
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/server"

export type Answer = Extract<JSONRPCMessage, { id?: unknown }>

/** What an exchange needs of its session. */
export interface Host {
  readonly respond: (body: unknown) => Response
  readonly openStream: (exchange: Exchange) => Response
  readonly write: (exchange: Exchange, message: JSONRPCMessage) => void
  readonly end: (exchange: Exchange) => void
}

export class Exchange {
  /** Names the stream in event ids. */
  readonly stream: number
  readonly pending: Set<RequestId>
  /** Settles the HTTP response once. */
  readonly response: Promise<Response>
  /** When the reader was lost, in milliseconds of the session's clock; `undefined` while it is there. */
  lostAt: number | undefined
  #settle: ((response: Response) => void) | undefined
  #answers: Array<JSONRPCMessage> | undefined = []
  readonly #batch: boolean
  readonly #host: Host

  constructor(stream: number, ids: ReadonlyArray<RequestId>, batch: boolean, host: Host) {
    this.stream = stream
    this.pending = new Set(ids)
    this.#batch = batch
    this.#host = host
    this.response = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  get streaming(): boolean {
    return this.#answers === undefined
  }

  /** Goes over to a stream, with what was answered so far; once, and only while anything is pending. */
  upgrade() {
    const answers = this.#answers
    if (answers === undefined || this.pending.size === 0) return
    this.#answers = undefined
    this.#finish(this.#host.openStream(this))
    for (const answer of answers) this.#host.write(this, answer)
  }

  /** A notification or request that belongs to one of the pending requests. */
  send(message: JSONRPCMessage) {
    this.upgrade()
    this.#host.write(this, message)
  }

  answer(id: RequestId, message: JSONRPCMessage) {
    if (!this.pending.delete(id)) return
    if (this.#answers === undefined) this.#host.write(this, message)
    else this.#answers.push(message)
    if (this.pending.size > 0) return
    if (this.#answers !== undefined) {
      this.#finish(this.#host.respond(this.#batch ? this.#answers : this.#answers[0]))
    }
    this.#host.end(this)
  }

  /** Gives up: `response` is sent if none was. */
  abort(response: Response) {
    this.pending.clear()
    this.#finish(response)
    this.#host.end(this)
  }

  #finish(response: Response) {
    this.#settle?.(response)
    this.#settle = undefined
  }
}
