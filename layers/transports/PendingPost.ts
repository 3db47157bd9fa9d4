/** One POST of a session: plain JSON if all responses are there in this turn of the event loop, else a stream. */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from "@modelcontextprotocol/server"
import type { Failure } from "../../src/domain/Failure.ts"
import type { Grant } from "../identity/Grant.ts"
import type { Hold } from "../quotas/Quota.ts"
import { toText, type RpcResponse } from "./jsonRpc.ts"

/** What a POST needs of its session. */
export interface PostHost {
  /** `body` is JSON. */
  readonly respond: (body: string, failure?: Failure) => Response
  readonly openStream: (post: PendingPost) => Response
  /** `message` is JSON. */
  readonly write: (post: PendingPost, message: string) => void
  readonly report: (error: Error) => void
  readonly end: (post: PendingPost) => void
}

export class PendingPost {
  /** Names the stream in event ids. */
  readonly stream: number
  /** What the POST was authenticated with. */
  readonly grant: Grant
  readonly requests: ReadonlyArray<JSONRPCRequest>
  /** Requests that were not answered yet. */
  readonly pending: Set<RequestId>
  /** Settles the HTTP response once. */
  readonly response: Promise<Response>
  /** When the reader was lost, in milliseconds of the session's clock; `undefined` while it is there. */
  lostAt: number | undefined
  /** The memory that the message is charged for, until it is answered. */
  held: Hold | undefined
  /** Closes its connection. */
  cut: () => void = () => {}
  #settle: ((response: Response) => void) | undefined
  /** What was answered before the POST became a stream, as JSON. */
  #responses: Array<string> | undefined = []
  /** Of the only request, so that HTTP can say why it was rejected. */
  #failure: Failure | undefined
  readonly #batch: boolean
  readonly #host: PostHost

  constructor(
    stream: number,
    requests: ReadonlyArray<JSONRPCRequest>,
    batch: boolean,
    grant: Grant,
    host: PostHost
  ) {
    this.stream = stream
    this.grant = grant
    this.requests = requests
    this.pending = new Set(requests.map(({ id }) => id))
    this.#batch = batch
    this.#host = host
    this.response = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** Goes over to a stream, with what was answered so far; once, and only while anything is pending. */
  upgrade() {
    const responses = this.#responses
    if (responses === undefined || this.pending.size === 0) return
    this.#responses = undefined
    this.#finish(this.#host.openStream(this))
    for (const response of responses) this.#host.write(this, response)
  }

  /** A notification or request that belongs to one of the pending requests. */
  send(message: JSONRPCMessage) {
    this.upgrade()
    this.#host.write(this, JSON.stringify(message))
  }

  answer(id: RequestId, response: RpcResponse, failure?: Failure) {
    if (!this.pending.delete(id)) return
    const text = toText(response, this.#host.report)
    if (this.#responses === undefined) this.#host.write(this, text)
    else {
      this.#responses.push(text)
      this.#failure = failure
    }
    if (this.pending.size > 0) return
    if (this.#responses !== undefined) {
      const body = this.#batch ? `[${this.#responses.join()}]` : (this.#responses[0] ?? "")
      this.#finish(this.#host.respond(body, this.#batch ? undefined : this.#failure))
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
