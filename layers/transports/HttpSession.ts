/** A session-era session (up to 2025-11-25) over streamable HTTP: the SDK's `Transport` with resumable streams. */
import type { JSONRPCMessage, RequestId, Transport, TransportSendOptions } from "@modelcontextprotocol/server"
import { Effect } from "effect"
import { isRejection, type Failure } from "../../src/domain/Failure.ts"
import type { Principal } from "../../src/domain/Principal.ts"
import { jsonHeaders, resultHeaders } from "../http/responseHeaders.ts"
import { tooManyOpen } from "../http/responses.ts"
import { textResponse } from "../http/textResponse.ts"
import type { Connection } from "../http/Routes.ts"
import type { Grant } from "../identity/Grant.ts"
import { Hold } from "../quotas/Quota.ts"
import type { Quotas } from "../quotas/Quotas.ts"
import { sseHeaders, type EventStream } from "./EventStream.ts"
import type { Missed } from "./EventStore.ts"
import type { SessionServer } from "./McpServers.ts"
import { isCancellation, isRequest, MessageRejection, type Parsed } from "./jsonRpc.ts"
import { validateRequests } from "./validateRequests.ts"
import { PendingPost, type PostHost } from "./PendingPost.ts"
import { RunningPosts } from "./RunningPosts.ts"
import { SessionStreams, type StreamsOptions } from "./SessionStreams.ts"
import { StreamDelay } from "./StreamDelay.ts"
import { HttpInbound } from "./HttpInbound.ts"
import { reject, sessionNotFound, messageRejected } from "./jsonRpcResponses.ts"

/** Number of the stream that GET opens, for messages that are unrelated to a request. */
const standalone = 0
/** Time in which results are sent as JSON; most calls of other servers return in it. In milliseconds. */
const streamDelay = new StreamDelay(50)
/** First revision in which streams start with an empty event, so that they can be resumed from their start. */
const primedSince = "2025-11-25"

export interface SessionOptions extends StreamsOptions {
  readonly id: string
  /** Owner of the session. Only the identity counts: each request has its own principal. */
  readonly principal: Principal
  readonly server: SessionServer
  readonly quotas: Pick<Quotas["Service"], "memory" | "streams">
  /** Milliseconds; may be coarse. */
  readonly now: () => number
  readonly onClose: (session: HttpSession) => void
}

type HttpConnection = Pick<Connection, "cut" | "keepOpen" | "requestId">

export class HttpSession implements Transport, PostHost {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>

  readonly sessionId: string
  /**
   * The session's name in logs and in the ledger: time and counter of the UUIDv7, which are unique in a process, without
   * the 62 random bits that make the id a secret. One text for all calls: its hash is computed once.
   */
  readonly name: string
  readonly options: SessionOptions
  lastSeen: number
  #version: string | undefined
  #closed = false
  #streams = 1
  readonly #posts: RunningPosts
  readonly #open: SessionStreams

  constructor(options: SessionOptions) {
    this.options = options
    this.sessionId = options.id
    this.name = options.id.slice(0, 18)
    this.lastSeen = options.now()
    const { principal, quotas } = options
    const memory = () => new Hold(quotas.memory, principal.key)
    this.#posts = new RunningPosts(options, (message) => this.onmessage?.(message))
    this.#open = new SessionStreams(options, memory, {
      lost: (number) => this.#posts.lost(number),
      grantEnded: (number, why) => this.#posts.grantEnded(number, why),
      failed: this.report
    })
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

  /** No request runs and no stream is open. */
  get idle(): boolean {
    return this.#posts.size === 0 && this.#open.size === 0
  }

  // — HTTP —

  /**
   * Responds to one POST. `connection.keepOpen` is called when the response becomes a stream; `held` ends when all of its
   * requests have a response.
   */
  post(
    parsed: Parsed,
    request: Request,
    grant: Grant,
    connection: HttpConnection,
    held?: Hold
  ): Promise<Response> | Response {
    this.lastSeen = this.options.now()
    const requests = validateRequests(parsed, this.#version, (id) => this.#posts.get(id) !== undefined)
    if (requests instanceof MessageRejection || requests.length === 0) held?.end()
    if (requests instanceof MessageRejection) return messageRejected(requests)
    const { batch, messages } = parsed
    if (requests.length === 0) {
      for (const message of messages) this.#receive(message)
      return new Response(null, { status: 202 })
    }
    const post = new PendingPost(this.#streams++, requests, batch, grant, connection, this)
    post.held = held
    this.#posts.add(post)
    const release = this.#primed ? () => this.#release(post) : undefined
    let number = 0
    for (const message of messages) {
      if (!isRequest(message)) {
        this.#receive(message)
        continue
      }
      const inbound = new HttpInbound(grant, request, connection, number++, this.name, release)
      const served = this.options.server.serve(message, inbound, (response, failure) => {
        // A cancelled request already has a response, and its id may be in use again.
        if (this.#posts.get(message.id) === post) post.answer(message.id, response, failure)
      })
      if (!served) this.onmessage?.(message, { request, ...(release && { closeSSEStream: release }) })
    }
    if (post.pending.length > 0) streamDelay.add(post)
    return post.response
  }

  /** Opens the standalone stream, or resumes the stream of `lastEventId`. */
  get(
    lastEventId: string | null,
    grant: Grant,
    { cut }: Pick<HttpConnection, "cut">
  ): Effect.Effect<Response> {
    this.lastSeen = this.options.now()
    if (lastEventId === null) {
      // Replaces an open stream, because a client may reconnect before its old connection is known to be lost.
      const stream = this.#openStream(standalone, grant, cut)
      if (stream === undefined) return Effect.succeed(tooManyOpen("event streams"))
      stream.comment("connected")
      return Effect.succeed(this.#streamed(stream))
    }
    return Effect.map(this.#open.missed(lastEventId), (found) =>
      found === undefined
        ? reject(400, "Unknown or expired Last-Event-ID. Start a new stream.")
        : this.#resume(found, grant, cut)
    )
  }

  /** Keep-alive: sends a comment on every stream, so that proxies do not close it. */
  beat() {
    this.#open.beat()
  }

  /** Interrupts requests whose reader disconnected before `deadline` and has not resumed. */
  cancelAbandoned(deadline: number) {
    this.#posts.cancelAbandoned(deadline)
  }

  /** Ends the standalone stream at shutdown. */
  endStandalone() {
    this.#open.close(standalone)
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
      // Without any listener so far, nothing needs to be stored.
      if (this.#open.isKnown(standalone)) this.#open.send(standalone, JSON.stringify(message))
      return
    }
    const post = this.#posts.get(related)
    if (post === undefined) throw new Error(`Request ${related} is not running.`)
    post.send(message)
  }

  async close() {
    if (this.#closed) return
    this.#closed = true
    this.#posts.abort(sessionNotFound)
    this.#open.closeAll()
    this.options.onClose(this)
    this.onclose?.()
  }

  // — PostHost —

  respond(body: string, failure?: Failure) {
    const response =
      failure !== undefined && isRejection(failure)
        ? textResponse(body, { status: failure.status, headers: { ...failure.headers, ...jsonHeaders } })
        : textResponse(body, { headers: resultHeaders })
    response.headers.set("mcp-session-id", this.sessionId)
    return response
  }

  readonly report = (error: Error) => this.onerror?.(error)

  openStream(post: PendingPost) {
    this.#posts.upgrade(post)
    const stream = this.#open.open(post.stream, post.grant, post.connection.cut)
    if (this.#primed) this.#open.prime(post.stream, stream)
    return this.#streamed(stream)
  }

  write(post: PendingPost, message: string) {
    this.#open.send(post.stream, message)
  }

  end(post: PendingPost) {
    streamDelay.remove(post)
    post.held?.end()
    this.#posts.remove(post)
    this.#open.end(post.stream)
  }

  // — inside —

  get #primed(): boolean {
    return this.#version !== undefined && this.#version >= primedSince
  }

  #receive(message: JSONRPCMessage) {
    this.onmessage?.(message)
    if (!isCancellation(message)) return
    // The SDK interrupts its handler without a response, and the client may wait for this POST to end.
    this.#posts.cancel(message.params?.requestId as RequestId, "The request was cancelled.")
  }

  /** A stream that counts for the quota while it is open; `undefined` when the quota is reached. */
  #openStream(number: number, grant: Grant, cut: () => void): EventStream | undefined {
    // Streams of POSTs are limited with their calls.
    if (number !== standalone) return this.#open.open(number, grant, cut)
    const { principal, quotas } = this.options
    // Closing an earlier one releases its quota.
    this.#open.close(standalone)
    const held = new Hold(quotas.streams, principal.key)
    return held.set(1) ? this.#open.open(standalone, grant, cut, held) : undefined
  }

  #resume({ events, stream: number }: Missed, grant: Grant, cut: () => void): Response {
    const stream = this.#openStream(number, grant, cut)
    if (stream === undefined) return tooManyOpen("event streams")
    for (const { data, id } of events) stream.event(data, id)
    const post = this.#posts.ofStream(number)
    if (post !== undefined) {
      post.lostAt = undefined
      this.#posts.follow(post, grant)
    } else if (number !== standalone) this.#open.close(number)
    if (events.length === 0) stream.comment("resumed")
    return this.#streamed(stream)
  }

  #streamed(stream: EventStream) {
    return new Response(stream.body, { headers: { ...sseHeaders, "mcp-session-id": this.sessionId } })
  }

  /** Closes the connection while the requests continue; the client resumes with `Last-Event-ID`. */
  #release(post: PendingPost) {
    post.upgrade()
    post.lostAt = this.options.now()
    this.#open.close(post.stream)
  }
}
