/** Response of one stateless request: JSON, or an event stream from its first notification or its first slow interval on. */
import type { Member } from "../../src/domain/MemberList.ts"
import type { Failure } from "../../src/domain/Failure.ts"
import { jsonHeaders, resultHeaders } from "../http/responseHeaders.ts"
import { textResponse } from "../http/textResponse.ts"
import type { Backlog } from "./Backlog.ts"
import { EventStream, sseHeaders } from "./EventStream.ts"
import { toText, type RpcResponse } from "./jsonRpc.ts"
import { isSlow, type Ticking } from "./keepAlive.ts"
import type { Exchange } from "./McpServers.ts"

export interface ExchangeOptions {
  /** Makes the limit of bytes buffered for a slow reader. */
  readonly makeBacklog: () => Backlog
  readonly report: (error: Error) => void
  /** Called once, after the response. */
  readonly onEnd: (exchange: StatelessExchange) => void
}

/** nginx's status "client closed request"; no client sees it. */
const clientClosed = 499

export class StatelessExchange implements Exchange, Member, Ticking {
  place = -1
  /** Set once the request is served; interrupts its handler. */
  interrupt: () => void = () => {}
  readonly #options: ExchangeOptions
  #response: Response | undefined
  #settle: ((response: Response) => void) | undefined
  #stream: EventStream | undefined
  #intervals = 0
  #hasEnded = false

  constructor(options: ExchangeOptions) {
    this.#options = options
  }

  /** A promise if the response has not begun. */
  get response(): Response | Promise<Response> {
    return (
      this.#response ??
      new Promise((resolve) => {
        this.#settle = resolve
      })
    )
  }

  get hasEnded(): boolean {
    return this.#hasEnded
  }

  readonly gone = () => this.#hasEnded

  readonly notify = (message: string) => {
    if (!this.#hasEnded) this.#upgrade().event(message)
  }

  readonly respond = (response: RpcResponse, failure?: Failure) => {
    if (this.#hasEnded) return
    const text = toText(response, this.#options.report)
    if (this.#stream === undefined) {
      this.#begin(
        failure === undefined
          ? textResponse(text, { headers: resultHeaders })
          : textResponse(text, { status: failure.status, headers: { ...failure.headers, ...jsonHeaders } })
      )
    } else {
      this.#stream.event(text)
    }
    this.#end()
  }

  /** Interrupts the handler. `response` is sent if none has begun; default: a client that has disconnected does not read it. */
  abort(response = new Response(null, { status: clientClosed })) {
    if (this.#hasEnded) return
    if (this.#stream === undefined) this.#begin(response)
    this.#end()
    this.interrupt()
  }

  tick() {
    this.#intervals++
    if (isSlow(this.#intervals)) this.#upgrade().comment("keepalive")
  }

  #upgrade(): EventStream {
    if (this.#stream !== undefined) return this.#stream
    const stream = new EventStream(this.#options.makeBacklog(), () => this.abort())
    this.#stream = stream
    this.#begin(new Response(stream.body, { headers: sseHeaders }))
    return stream
  }

  #begin(response: Response) {
    this.#response = response
    this.#settle?.(response)
  }

  #end() {
    this.#hasEnded = true
    this.#stream?.close()
    this.#options.onEnd(this)
  }
}
