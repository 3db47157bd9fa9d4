/** The SDK's `Transport` over any bidirectional message channel (pipe, event stream, socket), all protocol eras. */
import {
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  type Transport
} from "@modelcontextprotocol/server"
import { serveStdio, type StdioServerHandle } from "@modelcontextprotocol/server/stdio"
import { invalidParams, limitReached } from "../../src/domain/errorCodes.ts"
import { TransientMap } from "../../src/domain/TransientMap.ts"
import type { Hold } from "../quotas/Quota.ts"
import { isClaimed } from "./protocolEra.ts"
import type { Inbound, McpServers, SessionServer } from "./McpServers.ts"
import { errorMessage, isCancellation, isRequest, toText, MessageRejection, type Parsed } from "./jsonRpc.ts"
import { validateRequests } from "./validateRequests.ts"

/** The connection of a wire. */
export interface Pipe {
  /** Sends one message; throws or rejects on failure. */
  readonly write: (message: string) => Promise<void> | void
  /** Closes the connection. Called once. */
  readonly close: () => void
}

/** Maximum open `subscriptions/listen` requests: each is a filter and a listener in the SDK. */
const mostListening = 100

/** A session-era handshake, unless its envelope claims the stateless era. */
const isHandshake = (message: JSONRPCMessage | undefined): message is JSONRPCRequest =>
  message !== undefined && isRequest(message) && message.method === "initialize" && !isClaimed(message)

interface Running {
  readonly request: JSONRPCRequest
  readonly inbound: Inbound
  /** Memory charged for its message. */
  readonly held: Hold | undefined
}

export class Wire implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #pipe: Pipe
  readonly #servers: McpServers["Service"]
  readonly #report: (error: Error) => void
  /** Requests of the client without a response. */
  readonly #running = new TransientMap<RequestId, Running>()
  /** Open `subscriptions/listen` requests, which run until cancelled. */
  readonly #listening = new Map<RequestId, Running>()
  /** Set on a connection that started with a session-era handshake. */
  #session: SessionServer | undefined
  /** Set on all other connections: the SDK determines the era. */
  #handle: StdioServerHandle | undefined
  #version: string | undefined
  /** The handshake until its response was written, and the requests that came meanwhile: a call could be quicker. */
  #handshake: { readonly id: RequestId; readonly waiting: Array<() => void> } | undefined
  #closed = false
  /** Resolves when the wire is closed; created by `finish`. */
  #finished: PromiseWithResolvers<void> | undefined

  /** Serves until either side closes. `report` is called with errors that are not part of a response. */
  constructor(pipe: Pipe, servers: McpServers["Service"], report: (error: Error) => void) {
    this.#pipe = pipe
    this.#servers = servers
    this.#report = report
  }

  get open(): boolean {
    return !this.#closed
  }

  /** Accepts all messages, or none and returns a `MessageRejection`. `held` ends when the last request has a response. */
  receive(parsed: Parsed, inbound: Inbound, held?: Hold): MessageRejection | undefined {
    const requests = validateRequests(parsed, this.#version, (id) => this.#has(id))
    if (requests instanceof MessageRejection) {
      held?.end()
      return requests
    }
    const listen = requests.find(({ method }) => method === "subscriptions/listen")
    if (listen !== undefined && this.#listening.size >= mostListening) {
      held?.end()
      const message = `Too many open subscriptions/listen requests: at most ${mostListening} per connection. Cancel one.`
      return new MessageRejection(limitReached, message, [listen.id])
    }
    if (this.#session === undefined && this.#handle === undefined) this.#begin(parsed.messages[0], inbound)
    for (const request of requests) {
      const running = { request, inbound, held: request === requests.at(-1) ? held : undefined }
      if (request.method === "subscriptions/listen") this.#listening.set(request.id, running)
      else this.#running.set(request.id, running)
    }
    if (requests.length === 0) held?.end()
    for (const message of parsed.messages) {
      if (isRequest(message)) this.#order(message, inbound)
      else this.onmessage?.(message)
      // Cancelled requests get no response.
      if (isCancellation(message)) this.#cancel(message.params?.requestId as RequestId)
    }
    return undefined
  }

  /**
   * Sends the error for each rejected request. The id of a running request is left out: the client would take the error
   * for the response to that request.
   */
  reject({ code, ids, message }: MessageRejection) {
    const free = new Set(ids.filter((id) => !this.#has(id)))
    for (const id of free.size === 0 ? [null] : free)
      this.#write(JSON.stringify(errorMessage(code, message, id)))
  }

  /** Graceful shutdown: ends once no request is running, and resolves then. */
  finish(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#finished ??= Promise.withResolvers()
    if (this.#running.size === 0) this.#end()
    return this.#finished.promise
  }

  /** Ends now and interrupts running requests. */
  async end() {
    await this.#handle?.close()
    await this.#session?.server.close()
    await this.close()
  }

  // — Transport —

  async start() {}

  setProtocolVersion(version: string) {
    this.#version = version
  }

  async send(message: JSONRPCMessage) {
    if (this.#closed) throw new Error("The connection is closed.")
    try {
      await this.#pipe.write("method" in message ? JSON.stringify(message) : toText(message, this.#report))
    } finally {
      if (!("method" in message) && message.id !== undefined) this.#settle(message.id)
    }
  }

  /** Closes the connection and interrupts running requests. */
  async close() {
    if (this.#closed) return
    this.#closed = true
    for (const { held } of this.#running.values()) held?.end()
    for (const { held } of this.#listening.values()) held?.end()
    this.#running.clear()
    this.#listening.clear()
    this.#pipe.close()
    this.onclose?.()
    this.#finished?.resolve()
  }

  // — inside —

  /** The first message determines the protocol era. */
  #begin(first: JSONRPCMessage | undefined, inbound: Inbound) {
    if (isHandshake(first)) {
      this.#handshake = { id: first.id, waiting: [] }
      this.#session = this.#servers.forSession(inbound.principal)
      this.onerror = this.#report
      // The transport is ready at once: its `start` does nothing.
      this.#session.server.connect(this).catch(this.#fail)
      return
    }
    const inboundOf = (id: RequestId) => this.#running.get(id)?.inbound ?? inbound
    this.#handle = serveStdio(() => this.#servers.forConnection(inbound.principal, inboundOf), {
      transport: this,
      onerror: this.#report
    })
  }

  #order(request: JSONRPCRequest, inbound: Inbound) {
    if (this.#handshake === undefined || this.#handshake.id === request.id) {
      this.#pass(request, inbound)
      return
    }
    this.#handshake.waiting.push(() => {
      const running = this.#running.get(request.id) ?? this.#listening.get(request.id)
      if (running?.request === request) this.#pass(request, inbound)
    })
  }

  #pass(request: JSONRPCRequest, inbound: Inbound) {
    if (this.#session !== undefined) this.#serve(this.#session, request, inbound)
    else this.#toSdk(request)
  }

  /** The SDK drops requests that its schema rejects, without a response. */
  #toSdk(request: JSONRPCRequest) {
    const accepted: boolean = isJSONRPCRequest(request)
    if (accepted) {
      this.onmessage?.(request)
      return
    }
    this.#settle(request.id)
    this.reject(
      new MessageRejection(invalidParams, "Invalid params: params._meta does not match the MCP schema", [
        request.id
      ])
    )
  }

  #serve(session: SessionServer, request: JSONRPCRequest, inbound: Inbound) {
    const served = session.serve(request, inbound, (response) => {
      // The id of a cancelled request may be in use again.
      if (this.#running.get(request.id)?.request !== request) return
      this.#write(toText(response, this.#report))
      this.#settle(request.id)
    })
    if (!served) this.#toSdk(request)
  }

  #write(message: string) {
    try {
      const written = this.#pipe.write(message)
      if (written instanceof Promise) written.catch(this.#fail)
    } catch (error) {
      this.#fail(error)
    }
  }

  #cancel(id: RequestId) {
    // First, so that a late response of the interrupted request is dropped.
    this.#settle(id)
    this.#session?.cancel(id)
  }

  /** Whether a request with the id has no response yet. */
  #has(id: RequestId): boolean {
    return this.#running.has(id) || this.#listening.has(id)
  }

  #settle(id: RequestId) {
    const ended = this.#running.get(id) ?? this.#listening.get(id)
    ended?.held?.end()
    this.#listening.delete(id)
    if (this.#running.delete(id) && this.#finished !== undefined && this.#running.size === 0) this.#end()
    if (this.#handshake?.id !== id) return
    const { waiting } = this.#handshake
    this.#handshake = undefined
    for (const pass of waiting) pass()
  }

  #end() {
    this.end().catch(this.#fail)
  }

  readonly #fail = (error: unknown) => this.#report(error instanceof Error ? error : new Error(String(error)))
}
