/** Serves the catalog's methods of one session directly, without the SDK's dispatch. The SDK's server negotiates the session. */
import type { JSONRPCRequest, RequestId, Server } from "@modelcontextprotocol/server"
import type { Exit } from "effect"
import type { Inbound, Respond, SessionServer } from "../../layers/transports/McpServers.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { Level } from "../catalog/Client.ts"
import type { CatalogFailure } from "../catalog/catalogFailure.ts"
import { isFailure, toErrorObject } from "../domain/Failure.ts"
import type { Principal } from "../domain/Principal.ts"
import { TransientMap } from "../domain/TransientMap.ts"
import { notifyComplete } from "./elicitationComplete.ts"
import { byRequest, Suspended, supports } from "./inputRequests.ts"
import { methods, type Method } from "./methods.ts"
import * as params from "./decodeParams.ts"
import type { Notification, Program, RequestContext } from "./RequestContext.ts"
import { clientOf, outcomeOf, ErrorResponse, start, type Running } from "./runRequest.ts"
import { severity } from "./severity.ts"
import { Subscriptions } from "./Subscriptions.ts"

const table: ReadonlyMap<string, Method<object>> = new Map<string, Method<object>>(Object.entries(methods))

class DirectContext implements RequestContext {
  readonly inbound: Inbound
  readonly stateless = false
  readonly id: RequestId
  readonly meta: Readonly<Record<string, unknown>> | undefined
  readonly #session: SessionRequests

  constructor(session: SessionRequests, request: JSONRPCRequest, inbound: Inbound) {
    this.#session = session
    this.inbound = inbound
    this.id = request.id
    this.meta = request.params?._meta
  }

  get peer() {
    return this.#session
  }

  get program() {
    return this.#session.server.getClientVersion()
  }

  get capabilities() {
    return this.#session.server.getClientCapabilities()
  }

  readonly gone = () => this.#session.server.transport === undefined

  readonly notify = ({ method, params: given }: Notification) =>
    this.#session.server.notification({ method, params: given }, { relatedRequestId: this.id })

  readonly completed = (elicitationId: string) =>
    notifyComplete(
      this.#session.server,
      elicitationId,
      this.#session.isRunning(this.id) ? this.id : undefined
    )

  readonly log = (level: Level, data: unknown, logger?: string) => {
    if (severity(level) < this.#session.minLevel) return Promise.resolve()
    return this.notify({
      method: "notifications/message",
      params: { level, data, ...(logger !== undefined && { logger }) }
    })
  }
}

export class SessionRequests implements SessionServer {
  readonly server: Server
  /** The principal that opened the session and is notified of changes. */
  readonly principal: Principal
  readonly subscriptions: Subscriptions
  /** Minimum severity of log messages (`logging/setLevel`). */
  minLevel = 0
  readonly #program: Program
  readonly #catalog: Catalog["Service"]
  readonly #running = new TransientMap<RequestId, Running<unknown>>()
  #connectionId: string | undefined
  #calls = 0

  constructor(program: Program, catalog: Catalog["Service"], server: Server, principal: Principal) {
    this.#program = program
    this.#catalog = catalog
    this.server = server
    this.principal = principal
    this.subscriptions = new Subscriptions(catalog, program.quotas)
  }

  /** A call id without an HTTP request: cheaper than one UUID per call, and as unique. */
  readonly #newId = () => {
    this.#connectionId ??= this.#program.newId()
    return `${this.#connectionId}-${++this.#calls}`
  }

  readonly serve = (request: JSONRPCRequest, inbound: Inbound, respond: Respond): boolean => {
    if (request.method === "logging/setLevel") {
      this.#setLevel(request, respond)
      return true
    }
    // During the handshake, its response must precede that of a ping.
    if (request.method === "ping" && this.server.getClientVersion() === undefined) return false
    const method = table.get(request.method)
    if (method === undefined) return false
    const prepared = method.prepare(request.params)
    if (isFailure(prepared)) {
      respond({ jsonrpc: "2.0", id: request.id, error: toErrorObject(prepared) }, prepared)
      return true
    }
    const context = new DirectContext(this, request, inbound)
    const able = supports(context.capabilities)
    const send = byRequest(
      able,
      (outgoing, options) => this.server.request(outgoing, { ...options, relatedRequestId: request.id }),
      this.#program.newId
    )
    const served = {
      catalog: this.#catalog,
      context,
      subscriptions: this.subscriptions,
      instance: this.#program.instance
    }
    const running = start(
      this.#program.services,
      this.#newId,
      served,
      prepared,
      clientOf(context, able, send)
    )
    const done = (exit: Exit.Exit<object, CatalogFailure>) => {
      const { sent } = running
      const finish = () => this.#respond(outcomeOf(exit, running, method, context), request.id, respond)
      // The response is the last message of its request.
      if (sent === undefined) finish()
      else void sent().then(finish)
    }
    const exit = running.fiber.pollUnsafe()
    if (exit !== undefined) {
      done(exit)
      return true
    }
    this.#running.set(request.id, running)
    running.fiber.addObserver((late) => {
      this.#running.remove(request.id, running)
      done(late)
    })
    return true
  }

  readonly isRunning = (id: RequestId): boolean => this.#running.has(id)

  readonly cancel = (id: RequestId) => {
    this.#running.get(id)?.fiber.interruptUnsafe()
  }

  /** Interrupts all running requests. */
  readonly end = () => {
    for (const { fiber } of this.#running.values()) fiber.interruptUnsafe()
    this.#running.clear()
  }

  #respond(outcome: object | ErrorResponse | Suspended, id: RequestId, respond: Respond) {
    // In a session, input requests are JSON-RPC requests, so handlers are never suspended.
    if (outcome instanceof Suspended) throw new Error("a call of a session was suspended")
    if (!(outcome instanceof ErrorResponse)) {
      // Every result is a JSON object; its type depends on the method.
      respond({ jsonrpc: "2.0", id, result: outcome as Record<string, unknown> })
      return
    }
    const { failure } = outcome
    respond({ jsonrpc: "2.0", id, error: toErrorObject(failure) }, failure)
  }

  #setLevel({ id, params: given }: JSONRPCRequest, respond: Respond) {
    const decoded = params.level(given)
    if (isFailure(decoded)) {
      respond({ jsonrpc: "2.0", id, error: toErrorObject(decoded) }, decoded)
      return
    }
    this.minLevel = severity(decoded.level)
    respond({ jsonrpc: "2.0", id, result: {} })
  }
}
