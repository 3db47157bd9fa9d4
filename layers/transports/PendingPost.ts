/** One POST of a session: a JSON response if all results are ready soon, else a stream. */
import type { JSONRPCMessage, JSONRPCRequest, RequestId } from "@modelcontextprotocol/server"
import type { Failure } from "../../src/domain/Failure.ts"
import type { Connection } from "../http/Routes.ts"
import type { Grant } from "../identity/Grant.ts"
import type { Hold } from "../quotas/Quota.ts"
import { toText, type RpcResponse } from "./jsonRpc.ts"
import type { Delayed } from "./StreamDelay.ts"

/** The session, as its POSTs see it. */
export interface PostHost {
  /** `body` is JSON. */
  readonly respond: (body: string, failure?: Failure) => Response
  readonly openStream: (post: PendingPost) => Response
  /** `message` is JSON. */
  readonly write: (post: PendingPost, message: string) => void
  readonly report: (error: Error) => void
  readonly end: (post: PendingPost) => void
}

export class PendingPost implements Delayed {
  /** Stream number in event ids. */
  readonly stream: number
  /** Grant of the POST's credential. */
  readonly grant: Grant
  readonly requests: ReadonlyArray<JSONRPCRequest>
  /** Ids of requests without a response. */
  readonly pending: Array<RequestId>
  /** Settles the HTTP response once. */
  readonly response: Promise<Response>
  /** When the reader disconnected, in milliseconds of the session's clock; `undefined` while it is connected. */
  lostAt: number | undefined
  /** Memory charged for the message until all its requests have a response. */
  held: Hold | undefined
  /** Stops following the credential; set while a response is pending that was not ready at once. */
  unfollow: (() => void) | undefined
  /** Of the delay after which the response is a stream. */
  place = -1
  dueAt = 0
  readonly connection: Pick<Connection, "cut" | "keepOpen">
  #settle: ((response: Response) => void) | undefined
  /** Responses, as JSON, until the POST becomes a stream. */
  #responses: Array<string> | undefined = []
  /** Failure of the only request, for the HTTP status. */
  #failure: Failure | undefined
  readonly #batch: boolean
  readonly #host: PostHost

  constructor(
    stream: number,
    requests: ReadonlyArray<JSONRPCRequest>,
    batch: boolean,
    grant: Grant,
    connection: Pick<Connection, "cut" | "keepOpen">,
    host: PostHost
  ) {
    this.stream = stream
    this.grant = grant
    this.connection = connection
    this.requests = requests
    this.pending = requests.map(({ id }) => id)
    this.#batch = batch
    this.#host = host
    this.response = new Promise((resolve) => {
      this.#settle = resolve
    })
  }

  /** No response was ready in time. */
  due() {
    this.connection.keepOpen()
    this.upgrade()
  }

  /** Becomes a stream, starting with the responses so far; once, and only while requests are pending. */
  upgrade() {
    const responses = this.#responses
    if (responses === undefined || this.pending.length === 0) return
    this.#responses = undefined
    this.#finish(this.#host.openStream(this))
    for (const response of responses) this.#host.write(this, response)
  }

  /** Sends a notification or request that is related to a pending request. */
  send(message: JSONRPCMessage) {
    this.upgrade()
    this.#host.write(this, JSON.stringify(message))
  }

  answer(id: RequestId, response: RpcResponse, failure?: Failure) {
    const place = this.pending.indexOf(id)
    if (place === -1) return
    this.pending.splice(place, 1)
    const text = toText(response, this.#host.report)
    if (this.#responses === undefined) this.#host.write(this, text)
    else {
      this.#responses.push(text)
      this.#failure = failure
    }
    if (this.pending.length > 0) return
    if (this.#responses !== undefined) {
      const body = this.#batch ? `[${this.#responses.join()}]` : (this.#responses[0] ?? "")
      this.#finish(this.#host.respond(body, this.#batch ? undefined : this.#failure))
    }
    this.#host.end(this)
  }

  /** Ends the POST; `response` is sent if there was none yet. */
  abort(response: Response) {
    this.pending.length = 0
    this.#finish(response)
    this.#host.end(this)
  }

  #finish(response: Response) {
    this.#settle?.(response)
    this.#settle = undefined
  }
}
