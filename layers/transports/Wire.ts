/** The SDK's `Transport` over whatever carries whole messages both ways: a pipe, an event stream, a socket; every era. */
import type { JSONRPCMessage, RequestId, Transport } from "@modelcontextprotocol/server"
import { serveStdio, type StdioServerHandle } from "@modelcontextprotocol/server/stdio"
import type { Principal } from "../../src/domain/Principal.ts"
import type { McpServers } from "./McpServers.ts"
import { batchRevision, invalidRequest, Unreadable, type Parsed } from "./messages.ts"

/** What a wire needs of its connection. */
export interface Ends {
  /** Sends one message; throws or rejects when it cannot. */
  readonly write: (message: string) => Promise<void> | void
  /** Lets the connection go. Called once. */
  readonly close: () => void
}

export class Wire implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: NonNullable<Transport["onmessage"]>
  readonly #ends: Ends
  /** Requests of the client that were not answered yet. */
  readonly #running = new Set<RequestId>()
  #handle: StdioServerHandle | undefined
  #version: string | undefined
  #closed = false
  /** Resolves when the wire is closed, once somebody waits for it. */
  #finished: PromiseWithResolvers<void> | undefined

  constructor(ends: Ends) {
    this.#ends = ends
  }

  get open(): boolean {
    return !this.#closed
  }

  /** Serves the principal, in the era that the first message chooses, until either side closes. */
  serve(servers: McpServers["Service"], principal: Principal, onerror: (error: Error) => void) {
    this.#handle = serveStdio(() => servers.forConnection(principal), { transport: this, onerror })
  }

  /** Passes messages on, all or none; `Unreadable` if none. */
  receive({ batch, messages }: Parsed): Unreadable | undefined {
    if (batch && this.#version !== batchRevision) {
      return new Unreadable(invalidRequest, `Batches are part of MCP ${batchRevision} only.`)
    }
    const ids: Array<RequestId> = []
    for (const message of messages) {
      if (!("method" in message) || !("id" in message)) continue
      // The SDK would forget the first one, and nobody could interrupt it any more.
      if (this.#running.has(message.id) || ids.includes(message.id)) {
        return new Unreadable(invalidRequest, `A request with the id ${message.id} is running already.`)
      }
      // A subscription runs until somebody ends it.
      if (message.method !== "subscriptions/listen") ids.push(message.id)
    }
    for (const id of ids) this.#running.add(id)
    for (const message of messages) {
      this.onmessage?.(message)
      // Cancelled requests are not answered.
      if ("method" in message && message.method === "notifications/cancelled") {
        this.#settle(message.params?.requestId as RequestId)
      }
    }
    return undefined
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
      await this.#ends.write(JSON.stringify(message))
    } finally {
      if (!("method" in message) && message.id !== undefined) this.#settle(message.id)
    }
  }

  /** The connection is gone, or shall be: what runs is interrupted. */
  async close() {
    if (this.#closed) return
    this.#closed = true
    this.#running.clear()
    this.#ends.close()
    this.onclose?.()
    this.#finished?.resolve()
  }

  #settle(id: RequestId) {
    if (this.#running.delete(id) && this.#finished !== undefined && this.#running.size === 0) this.#end()
  }

  #end() {
    this.end().catch((error: unknown) =>
      this.onerror?.(error instanceof Error ? error : new Error(String(error)))
    )
  }
}
