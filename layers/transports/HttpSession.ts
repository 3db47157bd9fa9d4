/** A session of the eras up to 2025-11-25 over streamable HTTP: the SDK's `Transport`, with streams that can resume. */
import type { JSONRPCMessage, RequestId, Transport, TransportSendOptions } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import { cancelled } from "../../src/domain/errorCodes.ts"
import { isRejection, type Failure } from "../../src/domain/Failure.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import { json, tooManyOpen } from "../http/responses.ts"
import type { Connection } from "../http/Routes.ts"
import type { Authenticator } from "../identity/Authenticator.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import { Hold } from "../quotas/Quota.ts"
import type { Quotas } from "../quotas/Quotas.ts"
import { Backlog } from "./Backlog.ts"
import { EventStream, sseHeaders } from "./EventStream.ts"
import type { EventStore, Missed } from "./EventStore.ts"
import { InOrder } from "./InOrder.ts"
import type { SessionServer } from "./McpServers.ts"
import { isCancellation, isRequest, Unreadable, type Parsed } from "./messages.ts"
import { newRequests } from "./newRequests.ts"
import { PendingPost, type PostHost } from "./PendingPost.ts"
import { HttpInbound, reject, sessionNotFound, unreadable } from "./requests.ts"

/** The stream that GET opens, for what belongs to no request. */
const standalone = 0
/** Servers send a first, empty event from this revision on, so that any stream can be resumed. */
const primedSince = "2025-11-25"

export interface SessionOptions {
  readonly id: string
  /** Whose session it is; only the identity counts, each request has a principal of its own. */
  readonly principal: Principal
  readonly server: SessionServer
  /** Called when the first event is to be kept. */
  readonly makeEvents: () => EventStore
  readonly follow: Authenticator["Service"]["follow"]
  readonly quotas: Pick<Quotas["Service"], "memory" | "streams">
  /** Bytes that may wait for a slow reader. */
  readonly mostWaiting: number
  /** Milliseconds that they may wait while the reader takes none. */
  readonly unreadTimeout: number
  /** Suggested to clients as the time before they reconnect, in milliseconds. */
  readonly retry: number
  /** Milliseconds, as coarse as the caller likes. */
  readonly now: () => number
  readonly onClose: (session: HttpSession) => void
}

type HttpConnection = Pick<Connection, "keepOpen" | "requestId">

const cancellation = (id: RequestId, message: string) => ({
  jsonrpc: "2.0" as const,
  id,
  error: { code: cancelled, message }
})

interface OpenStream {
  readonly stream: EventStream
  /** Stops following the credential that opened it. */
  readonly unfollow: () => void
  /** The stream's part of the quota; streams of POSTs are limited with their calls. */
  readonly held: Hold | undefined
}

export class HttpSession implements Transport, PostHost {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>

  readonly sessionId: string
  readonly options: SessionOptions
  lastSeen: number
  #version: string | undefined
  #closed = false
  #streams = 1
  #log: EventStore | undefined
  readonly #order = new InOrder()
  readonly #posts = new Map<RequestId, PendingPost>()
  readonly #postOf = new Map<number, PendingPost>()
  /** Open streams by number, `standalone` among them. */
  readonly #open = new Map<number, OpenStream>()

  constructor(options: SessionOptions) {
    this.options = options
    this.sessionId = options.id
    this.lastSeen = options.now()
  }

  async start() {}

  setProtocolVersion(version: string) {
    this.#version = version
  }

  /**
   * Names the session in logs and in the ledger, without what makes its id a secret: of a UUIDv7 the time and the
   * counter, which differ for each session of a process, and not the 62 random bits.
   */
  get name(): string {
    return this.sessionId.slice(0, 18)
  }

  get version(): string | undefined {
    return this.#version
  }

  get initialized(): boolean {
    return this.#version !== undefined
  }

  /** No request runs and no stream is open. */
  get idle(): boolean {
    return this.#posts.size === 0 && this.#open.size === 0
  }

  // — HTTP —

  /**
   * Answers one POST. `connection.keepOpen` is called when the response becomes a stream; `held` ends when all of its
   * requests were answered.
   */
  post(
    parsed: Parsed,
    request: Request,
    grant: Grant,
    connection: HttpConnection,
    held?: Hold
  ): Promise<Response> | Response {
    this.lastSeen = this.options.now()
    const requests = newRequests(parsed, this.#version, (id) => this.#posts.has(id))
    if (requests instanceof Unreadable || requests.length === 0) held?.end()
    if (requests instanceof Unreadable) return unreadable(requests)
    const { batch, messages } = parsed
    if (requests.length === 0) {
      for (const message of messages) this.#receive(message)
      return new Response(null, { status: 202 })
    }
    const post = new PendingPost(this.#streams++, requests, batch, grant, this)
    post.held = held
    this.#postOf.set(post.stream, post)
    for (const { id } of requests) this.#posts.set(id, post)
    const release = this.#primed ? () => this.#release(post) : undefined
    let number = 0
    for (const message of messages) {
      if (!isRequest(message)) {
        this.#receive(message)
        continue
      }
      const inbound = new HttpInbound(grant, request, connection, number++, this.name, release)
      const served = this.options.server.serve(message, inbound, (response, failure) => {
        // A cancelled request was answered, and its id may be in use again.
        if (this.#posts.get(message.id) === post) post.answer(message.id, response, failure)
      })
      if (!served) this.onmessage?.(message, { request, ...(release && { closeSSEStream: release }) })
    }
    if (post.pending.size > 0) {
      setImmediate(() => {
        if (post.pending.size === 0) return
        connection.keepOpen()
        post.upgrade()
      })
    }
    return post.response
  }

  /** Opens the stream for what belongs to no request, or resumes the one that `lastEventId` names. */
  get(lastEventId: string | null, grant: Grant): Effect.Effect<Response> {
    this.lastSeen = this.options.now()
    if (lastEventId === null) {
      // A client that reconnects need not wait until the loss of its old connection is noticed.
      this.#closeStream(standalone)
      const stream = this.#attach(standalone, grant)
      if (stream === undefined) return Effect.succeed(tooManyOpen("event streams"))
      stream.comment("connected")
      return Effect.succeed(this.#streamed(stream))
    }
    const missed = this.#log?.after(lastEventId) ?? Effect.undefined
    return Effect.map(missed, (found) =>
      found === undefined
        ? reject(400, "This event is unknown, or too long ago to resume after it.")
        : this.#resume(found, grant)
    )
  }

  /** A comment on every stream, so that no proxy takes it for dead. */
  beat() {
    for (const { stream } of this.#open.values()) stream.comment("keepalive")
  }

  /** Interrupts requests whose reader left before `deadline` and did not come back. */
  forsake(deadline: number) {
    for (const post of this.#postOf.values()) {
      if (post.lostAt !== undefined && post.lostAt <= deadline) {
        this.#cancelAll(post, "The client did not come back for the result.")
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
      if (id !== undefined) this.#posts.get(id)?.answer(id, message)
      return
    }
    const related = options?.relatedRequestId
    if (related === undefined) {
      this.#emit(standalone, message)
      return
    }
    const post = this.#posts.get(related)
    if (post === undefined) throw new Error(`Request ${related} is not running.`)
    post.send(message)
  }

  async close() {
    if (this.#closed) return
    this.#closed = true
    for (const post of this.#postOf.values()) post.abort(sessionNotFound())
    for (const number of this.#open.keys()) this.#closeStream(number)
    this.options.onClose(this)
    this.onclose?.()
  }

  // — PostHost —

  respond(body: unknown, failure?: Failure) {
    const session = { "mcp-session-id": this.sessionId }
    return failure !== undefined && isRejection(failure)
      ? json(failure.status, body, { ...session, ...failure.headers })
      : json(200, body, session)
  }

  openStream(post: PendingPost) {
    const stream = this.#attach(post.stream, post.grant)
    if (stream === undefined) return tooManyOpen("event streams")
    if (this.#primed) {
      this.#inOrder(this.#events.mark(post.stream), (id) => stream.event("", id, this.options.retry))
    }
    return this.#streamed(stream)
  }

  write(post: PendingPost, message: JSONRPCMessage) {
    this.#emit(post.stream, message)
  }

  end(post: PendingPost) {
    post.held?.end()
    for (const { id } of post.requests) if (this.#posts.get(id) === post) this.#posts.delete(id)
    this.#postOf.delete(post.stream)
    if (this.#open.has(post.stream)) this.#inOrder(Effect.void, () => this.#closeStream(post.stream))
  }

  // — inside —

  get #primed(): boolean {
    return this.#version !== undefined && this.#version >= primedSince
  }

  get #events(): EventStore {
    return (this.#log ??= this.options.makeEvents())
  }

  #inOrder<A>(effect: Effect.Effect<A>, use: (value: A) => void) {
    this.#order.run(effect, use, (cause) =>
      this.onerror?.(new Error("an event could not be stored", { cause }))
    )
  }

  #receive(message: JSONRPCMessage) {
    this.onmessage?.(message)
    if (!isCancellation(message)) return
    // The SDK interrupts its handler and stays silent; the client may be waiting for this POST to end.
    this.#cancel(message.params?.requestId as RequestId, "The request was cancelled.")
  }

  #cancel(id: RequestId, reason: string) {
    const post = this.#posts.get(id)
    if (post === undefined) return
    post.answer(id, cancellation(id, reason))
    this.options.server.cancel(id)
  }

  #cancelAll(post: PendingPost, reason: string) {
    for (const id of Array.from(post.pending)) {
      // As the client itself would, for what the SDK's server runs.
      this.onmessage?.({
        jsonrpc: "2.0",
        method: "notifications/cancelled",
        params: { requestId: id, reason }
      })
      this.#cancel(id, reason)
    }
  }

  /** A stream that takes its part of the quota while it is open; `undefined` if there is no more. */
  #attach(number: number, grant: Grant): EventStream | undefined {
    const { principal, quotas } = this.options
    const held = number === standalone ? new Hold(quotas.streams, principal.key) : undefined
    if (held?.set(1) === false) return undefined
    const backlog = new Backlog(this.options, new Hold(quotas.memory, principal.key))
    const stream = new EventStream(backlog, () => {
      if (this.#open.get(number)?.stream === stream) this.#forget(number)
      const post = this.#postOf.get(number)
      if (post !== undefined) post.lostAt = this.options.now()
    })
    const unfollow = this.options.follow(grant, { ended: (why) => this.#grantEnded(number, why) })
    this.#open.set(number, { stream, unfollow, held })
    return stream
  }

  /** Ends the stream that the credential opened. After it expired, a new one may resume it in time. */
  #grantEnded(number: number, why: Ended) {
    const post = this.#postOf.get(number)
    if (post !== undefined && why === "revoked") this.#cancelAll(post, "The credential was revoked.")
    else if (post !== undefined) post.lostAt = this.options.now()
    this.#closeStream(number)
  }

  #resume({ events, stream: number }: Missed, grant: Grant): Response {
    this.#closeStream(number)
    const stream = this.#attach(number, grant)
    if (stream === undefined) return tooManyOpen("event streams")
    for (const { data, id } of events) stream.event(data, id)
    const post = this.#postOf.get(number)
    if (post !== undefined) post.lostAt = undefined
    else if (number !== standalone) this.#closeStream(number)
    if (events.length === 0) stream.comment("resumed")
    return this.#streamed(stream)
  }

  #streamed(stream: EventStream) {
    return new Response(stream.body, { headers: { ...sseHeaders, "mcp-session-id": this.sessionId } })
  }

  #emit(number: number, message: JSONRPCMessage) {
    // What nobody ever listened to need not be kept.
    if (number === standalone && this.#log === undefined && !this.#open.has(standalone)) return
    const data = JSON.stringify(message)
    this.#inOrder(this.#events.append(number, data), (id) => this.#open.get(number)?.stream.event(data, id))
  }

  /** Lets the connection go while the requests run on; the client comes back with `Last-Event-ID`. */
  #release(post: PendingPost) {
    post.upgrade()
    post.lostAt = this.options.now()
    this.#closeStream(post.stream)
  }

  #forget(number: number) {
    const open = this.#open.get(number)
    open?.unfollow()
    open?.held?.end()
    this.#open.delete(number)
  }

  #closeStream(number: number) {
    const open = this.#open.get(number)
    this.#forget(number)
    open?.stream.close()
  }
}
