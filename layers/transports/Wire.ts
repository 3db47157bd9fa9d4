/** The SDK's `Transport` over whatever carries whole messages both ways: a pipe, an event stream, a socket; every era. */
import {
  isJSONRPCRequest,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type RequestId,
  type Transport
} from "@modelcontextprotocol/server"
import { serveStdio, type StdioServerHandle } from "@modelcontextprotocol/server/stdio"
import { invalidParams, limitReached } from "../../src/domain/errorCodes.ts"
import type { Hold } from "../quotas/Quota.ts"
import { isClaimed } from "./protocolEra.ts"
import type { Inbound, McpServers, SessionServer } from "./McpServers.ts"
import { errorMessage, isCancellation, isRequest, toText, MessageRejection, type Parsed } from "./jsonRpc.ts"
import { validateRequests } from "./validateRequests.ts"

/** What a wire needs of its connection. */
export interface Pipe {
  /** Sends one message; throws or rejects when it cannot. */
  readonly write: (message: string) => Promise<void> | void
  /** Lets the connection go. Called once. */
  readonly close: () => void
}

/** Each costs the SDK a filter and a listener for as long as the connection is open. */
const mostListening = 100

/** The handshake of the session era, unless the request claims the stateless one by its envelope. */
const isHandshake = (message: JSONRPCMessage | undefined): boolean =>
  message !== undefined && isRequest(message) && message.method === "initialize" && !isClaimed(message)

interface Running {
  readonly request: JSONRPCRequest
  readonly inbound: Inbound
  /** The memory that its message is charged for. */
  readonly held: Hold | undefined
}

export class Wire implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #pipe: Pipe
  readonly #servers: McpServers["Service"]
  readonly #report: (error: Error) => void
  /** Requests of the client that were not answered yet. */
  readonly #running = new Map<RequestId, Running>()
  /** Open `subscriptions/listen` requests: they run until the client cancels them. */
  readonly #listening = new Map<RequestId, Running>()
  /** Of a connection that began with the handshake of the session era. */
  #session: SessionServer | undefined
  /** Of every other one: the SDK settles its era. */
  #handle: StdioServerHandle | undefined
  #version: string | undefined
  #closed = false
  /** Resolves when the wire is closed, once somebody waits for it. */
  #finished: PromiseWithResolvers<void> | undefined

  /** Serves until either side closes. `report` is called with errors that no request is answered with. */
  constructor(pipe: Pipe, servers: McpServers["Service"], report: (error: Error) => void) {
    this.#pipe = pipe
    this.#servers = servers
    this.#report = report
  }

  get open(): boolean {
    return !this.#closed
  }

  /** Passes messages on, all or none; `MessageRejection` if none. `held` ends when the last of them was answered. */
  receive(parsed: Parsed, inbound: Inbound, held?: Hold): MessageRejection | undefined {
    const requests = validateRequests(parsed, this.#version, (id) => this.#has(id))
    if (requests instanceof MessageRejection) {
      held?.end()
      return requests
    }
    const listen = requests.find(({ method }) => method === "subscriptions/listen")
    if (listen !== undefined && this.#listening.size >= mostListening) {
      held?.end()
      const message = `A connection has at most ${mostListening} open subscriptions/listen requests. Cancel one.`
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
      if (isRequest(message)) this.#pass(message, inbound)
      else this.onmessage?.(message)
      // Cancelled requests are not answered.
      if (isCancellation(message)) this.#cancel(message.params?.requestId as RequestId)
    }
    return undefined
  }

  /**
   * Sends the error of rejected messages, once for each request. The id of a running request is not repeated: the client
   * would take the error for the response to that one.
   */
  reject({ code, ids, message }: MessageRejection) {
    const free = new Set(ids.filter((id) => !this.#has(id)))
    for (const id of free.size === 0 ? [null] : free)
      this.#write(JSON.stringify(errorMessage(code, message, id)))
  }

  /** Ends as soon as nothing runs, for a program that stops; resolves then. */
  finish(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    this.#finished ??= Promise.withResolvers()
    if (this.#running.size === 0) this.#end()
    return this.#finished.promise
  }

  /** Ends now and interrupts what runs. */
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

  /** The connection is gone, or shall be: what runs is interrupted. */
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

  /** The first message chooses the era. */
  #begin(first: JSONRPCMessage | undefined, inbound: Inbound) {
    if (isHandshake(first)) {
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

  #pass(request: JSONRPCRequest, inbound: Inbound) {
    if (this.#session !== undefined) this.#serve(this.#session, request, inbound)
    else this.#toSdk(request)
  }

  /** The SDK drops a request that its schema rejects without a response. */
  #toSdk(request: JSONRPCRequest) {
    const accepted: boolean = isJSONRPCRequest(request)
    if (accepted) {
      this.onmessage?.(request)
      return
    }
    this.#settle(request.id)
    this.reject(
      new MessageRejection(invalidParams, "Invalid params: params._meta is not as MCP has it", [request.id])
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
    // First, so that what the interrupted request would still answer is dropped.
    this.#settle(id)
    this.#session?.cancel(id)
  }

  /** Whether a request with the id was not answered yet. */
  #has(id: RequestId): boolean {
    return this.#running.has(id) || this.#listening.has(id)
  }

  #settle(id: RequestId) {
    const ended = this.#running.get(id) ?? this.#listening.get(id)
    ended?.held?.end()
    this.#listening.delete(id)
    if (this.#running.delete(id) && this.#finished !== undefined && this.#running.size === 0) this.#end()
  }

  #end() {
    this.end().catch(this.#fail)
  }

  readonly #fail = (error: unknown) => this.#report(error instanceof Error ? error : new Error(String(error)))
}
