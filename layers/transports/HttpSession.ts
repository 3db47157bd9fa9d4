/** A session of the eras up to 2025-11-25 over streamable HTTP: the SDK's `Transport`, with streams that can resume. */
import type {
  JSONRPCMessage,
  RequestId,
  Server,
  Transport,
  TransportSendOptions
} from "@modelcontextprotocol/server"
import type { Principal } from "../../src/domain/Principal.ts"
import { json } from "../http/responses.ts"
import { EventLog, type Bounds } from "./EventLog.ts"
import { EventStream, sseHeaders } from "./EventStream.ts"
import { Exchange, type Host } from "./Exchange.ts"
import { batchRevision, errorMessage, invalidRequest, isObject, type Parsed } from "./messages.ts"
import { httpRefusal } from "./turnedAway.ts"

/** The stream that GET opens, for what belongs to no request. */
const standalone = 0
/** JSON-RPC has no code for it; LSP's RequestCancelled is what clients know. */
const requestCancelled = -32800
/** Servers send a first, empty event from this revision on, so that any stream can be resumed. */
const primedSince = "2025-11-25"

export interface SessionOptions {
  readonly id: string
  readonly principal: Principal
  readonly server: Server
  readonly replay: Bounds
  /** Bytes that may wait for a slow reader. */
  readonly mostWaiting: number
  /** Suggested to clients as the time before they reconnect, in milliseconds. */
  readonly retry: number
  /** Milliseconds, as coarse as the caller likes. */
  readonly now: () => number
  readonly onClose: (session: HttpSession) => void
}

export const sessionNotFound = () =>
  json(404, errorMessage(-32001, "Session not found. Initialize a new one."))

const cancelled = (requestId: RequestId, reason: string): JSONRPCMessage => ({
  jsonrpc: "2.0",
  method: "notifications/cancelled",
  params: { requestId, reason }
})

export class HttpSession implements Transport, Host {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>

  readonly sessionId: string
  readonly options: SessionOptions
  lastSeen: number
  #version: string | undefined
  #closed = false
  #streams = 1
  #log: EventLog | undefined
  readonly #exchanges = new Map<RequestId, Exchange>()
  /** Open streams by number, `standalone` among them. */
  readonly #open = new Map<number, EventStream>()

  constructor(options: SessionOptions) {
    this.options = options
    this.sessionId = options.id
    this.lastSeen = options.now()
  }

  async start() {}

  setProtocolVersion(version: string) {
    this.#version = version
  }

  get version(): string | undefined {
    return this.#version
  }

  get initialized(): boolean {
    return this.#version !== undefined
  }

  /** Nobody waits for anything here. */
  get idle(): boolean {
    return this.#exchanges.size === 0 && this.#open.size === 0
  }

  // — HTTP —

  /** Answers one POST. `keepOpen` is called when the answer becomes a stream. */
  post({ batch, messages }: Parsed, request: Request, keepOpen: () => void): Promise<Response> | Response {
    this.lastSeen = this.options.now()
    if (batch && this.#version !== batchRevision) {
      return json(400, errorMessage(invalidRequest, `Batches are part of MCP ${batchRevision} only.`))
    }
    const ids: Array<RequestId> = []
    for (const message of messages) {
      if (!("method" in message) || !("id" in message)) continue
      if (this.#exchanges.has(message.id) || ids.includes(message.id)) {
        return json(
          400,
          errorMessage(invalidRequest, "A request with this id is running already.", message.id)
        )
      }
      ids.push(message.id)
    }
    const extra = { request }
    if (ids.length === 0) {
      for (const message of messages) this.#receive(message, extra)
      return new Response(null, { status: 202 })
    }
    const exchange = new Exchange(this.#streams++, ids, batch, this)
    for (const id of ids) this.#exchanges.set(id, exchange)
    for (const message of messages) {
      const isRequest = "method" in message && "id" in message
      if (isRequest && this.#primed)
        this.#receive(message, { request, closeSSEStream: () => this.#release(exchange) })
      else this.#receive(message, extra)
    }
    if (exchange.pending.size > 0) {
      setImmediate(() => {
        if (exchange.pending.size === 0) return
        keepOpen()
        exchange.upgrade()
      })
    }
    return exchange.response
  }

  /** Opens the stream for what belongs to no request, or resumes the one that `lastEventId` names. */
  get(lastEventId: string | null): Response {
    this.lastSeen = this.options.now()
    if (lastEventId === null) {
      // A client that reconnects need not wait until the loss of its old connection is noticed.
      this.#open.get(standalone)?.close()
      const stream = this.#attach(standalone)
      stream.comment("connected")
      return this.#streamed(stream)
    }
    const missed = this.#log?.after(lastEventId)
    if (missed === undefined) {
      return json(400, errorMessage(-32000, "This event is unknown, or too long ago to resume after it."))
    }
    this.#open.get(missed.stream)?.close()
    const stream = this.#attach(missed.stream)
    for (const { data, id } of missed.events) stream.event(data, id)
    const exchange = this.#exchangeOf(missed.stream)
    if (exchange !== undefined) exchange.lostAt = undefined
    else if (missed.stream !== standalone) this.#closeStream(missed.stream)
    if (missed.events.length === 0) stream.comment("resumed")
    return this.#streamed(stream)
  }

  /** A sign of life on every stream, so that nobody on the way takes it for dead. */
  beat() {
    for (const stream of this.#open.values()) stream.comment("keepalive")
  }

  /** Interrupts requests whose reader left before `deadline` and did not come back. */
  forsake(deadline: number) {
    for (const [id, exchange] of this.#exchanges) {
      if (exchange.lostAt !== undefined && exchange.lostAt <= deadline) {
        this.#receive(cancelled(id, "The client did not come back for the result."))
      }
    }
  }

  /** Ends what would otherwise stay open for ever, for a program that stops. */
  endStandalone() {
    this.#closeStream(standalone)
  }

  // — Transport —

  async send(message: JSONRPCMessage, options?: TransportSendOptions) {
    if (this.#closed) throw new Error("The session is closed.")
    if (!("method" in message)) {
      const { id } = message
      if (id !== undefined) this.#exchanges.get(id)?.answer(id, message)
      return
    }
    const related = options?.relatedRequestId
    if (related === undefined) {
      this.#emit(standalone, message)
      return
    }
    const exchange = this.#exchanges.get(related)
    if (exchange === undefined) throw new Error(`Request ${related} is not running.`)
    exchange.send(message)
  }

  async close() {
    if (this.#closed) return
    this.#closed = true
    for (const exchange of new Set(this.#exchanges.values())) exchange.abort(sessionNotFound())
    for (const stream of this.#open.values()) stream.close()
    this.#open.clear()
    this.options.onClose(this)
    this.onclose?.()
  }

  // — Host —

  respond(body: unknown) {
    const refusal = isObject(body) ? httpRefusal(body.error) : undefined
    return json(refusal?.status ?? 200, body, { "mcp-session-id": this.sessionId, ...refusal?.headers })
  }

  openStream(exchange: Exchange) {
    const stream = this.#attach(exchange.stream)
    if (this.#primed) stream.event("", this.#events.mark(exchange.stream), this.options.retry)
    return this.#streamed(stream)
  }

  write(exchange: Exchange, message: JSONRPCMessage) {
    this.#emit(exchange.stream, message)
  }

  end(exchange: Exchange) {
    for (const [id, other] of this.#exchanges) if (other === exchange) this.#exchanges.delete(id)
    this.#closeStream(exchange.stream)
  }

  // — inside —

  get #primed(): boolean {
    return this.#version !== undefined && this.#version >= primedSince
  }

  get #events(): EventLog {
    return (this.#log ??= new EventLog(this.options.replay))
  }

  #receive(message: JSONRPCMessage, extra?: Parameters<NonNullable<Transport["onmessage"]>>[1]) {
    this.onmessage?.(message, extra)
    if (!("method" in message) || message.method !== "notifications/cancelled") return
    // The SDK interrupts the handler and stays silent; somebody may be waiting for this POST to end.
    const id = message.params?.requestId as RequestId
    this.#exchanges
      .get(id)
      ?.answer(id, errorMessage(requestCancelled, "The request was cancelled.", id) as JSONRPCMessage)
  }

  #attach(number: number): EventStream {
    const stream = new EventStream(this.options.mostWaiting, () => {
      if (this.#open.get(number) === stream) this.#open.delete(number)
      const exchange = this.#exchangeOf(number)
      if (exchange !== undefined) exchange.lostAt = this.options.now()
    })
    this.#open.set(number, stream)
    return stream
  }

  #streamed(stream: EventStream) {
    return new Response(stream.body, { headers: { ...sseHeaders, "mcp-session-id": this.sessionId } })
  }

  #emit(number: number, message: JSONRPCMessage) {
    const stream = this.#open.get(number)
    // What nobody ever listened to need not be kept.
    if (stream === undefined && number === standalone && this.#log === undefined) return
    const data = JSON.stringify(message)
    const id = this.#events.append(number, data)
    stream?.event(data, id)
  }

  /** Lets the connection go while the requests run on; the client comes back with `Last-Event-ID`. */
  #release(exchange: Exchange) {
    exchange.upgrade()
    exchange.lostAt = this.options.now()
    this.#closeStream(exchange.stream)
  }

  #exchangeOf(stream: number): Exchange | undefined {
    for (const exchange of this.#exchanges.values()) if (exchange.stream === stream) return exchange
    return undefined
  }

  #closeStream(number: number) {
    const stream = this.#open.get(number)
    this.#open.delete(number)
    stream?.close()
  }
}
