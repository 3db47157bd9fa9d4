/** Serves the catalog's methods of stateless requests over HTTP directly, without the SDK's dispatch. */
import type { Implementation } from "@modelcontextprotocol/server"
import type { Exit } from "effect"
import type { Exchange, McpServers, StatelessRequest } from "../../layers/transports/McpServers.ts"
import type { CatalogFailure } from "../catalog/catalogFailure.ts"
import type { Level } from "../catalog/Client.ts"
import { resourceNotFound, urlRequired } from "../domain/earlierCodes.ts"
import { internalError, invalidParams, missingCapability } from "../domain/errorCodes.ts"
import { joinJson, jsonOf, withJson } from "../domain/encodedResult.ts"
import { isFailure, isRejection, toErrorObject, type Failure } from "../domain/Failure.ts"
import { isObject, type JsonObject } from "../domain/JsonObject.ts"
import { usualEnvelope, type Envelope } from "./envelope.ts"
import { missingCapabilities, Suspended } from "./inputRequests.ts"
import { methods, type Method } from "./methods.ts"
import type { Notification, RequestContext } from "./RequestContext.ts"
import { ErrorResponse, outcomeOf, type Running } from "./runRequest.ts"
import { severity } from "./severity.ts"
import { askClient, startRound, type Serving } from "./startRound.ts"

/** Methods of the catalog that 2026-07-28 has. */
const names = [
  "tools/list",
  "tools/call",
  "prompts/list",
  "prompts/get",
  "resources/list",
  "resources/templates/list",
  "resources/read",
  "completion/complete"
] as const
const table: ReadonlyMap<string, Method<object>> = new Map<string, Method<object>>(
  names.map((name) => [name, methods[name]])
)

const serverInfoKey = "io.modelcontextprotocol/serverInfo"

/** No earlier round: requests that continue one go to the SDK's server. */
const first = { answers: {}, waiting: undefined }

class StatelessContext implements RequestContext {
  readonly inbound: StatelessRequest
  readonly stateless = true
  readonly #envelope: Envelope
  readonly #exchange: Exchange

  constructor(inbound: StatelessRequest, envelope: Envelope, exchange: Exchange) {
    this.inbound = inbound
    this.#envelope = envelope
    this.#exchange = exchange
  }

  get meta() {
    return this.#envelope.meta
  }

  get program() {
    return this.#envelope.program
  }

  get capabilities() {
    return this.#envelope.capabilities
  }

  readonly gone = () => this.#exchange.gone()

  readonly notify = async ({ method, params }: Notification) =>
    this.#exchange.notify(JSON.stringify({ jsonrpc: "2.0", method, params }))

  /** 2026-07-28 has no such message. */
  readonly completed = () => Promise.resolve()

  readonly log = (level: Level, data: unknown, logger?: string) => {
    const { logLevel } = this.#envelope
    if (logLevel === undefined || severity(level) < severity(logLevel)) return Promise.resolve()
    return this.notify({
      method: "notifications/message",
      params: { level, data, ...(logger !== undefined && { logger }) }
    })
  }
}

/** A result of 2026-07-28. A tool may have named its own server. */
const complete = (result: JsonObject, server: Implementation) => {
  const meta = isObject(result._meta) ? result._meta : undefined
  const more = {
    resultType: "complete",
    _meta: meta?.[serverInfoKey] === undefined ? { ...meta, [serverInfoKey]: server } : meta
  }
  const json = jsonOf(result)
  // Only the JSON is sent.
  return json === undefined ? { ...result, ...more } : withJson(more, joinJson(json, more))
}

/** An upstream server of an earlier revision may send codes that this revision does not have, or that set a status. */
const toModern = (failure: Failure): Failure => {
  switch (failure.code) {
    case resourceNotFound:
      return { ...failure, code: invalidParams }
    case urlRequired:
      return { code: internalError, status: 500, message: urlNotAsked }
    case missingCapability:
      return { ...failure, status: 400 }
    default:
      return failure
  }
}

const urlNotAsked =
  "The tool requires that its user visits a page, which it cannot ask of a client of protocol version 2026-07-28."

const setsStatus = (failure: Failure) => isRejection(failure) || failure.code === missingCapability

/** `McpServers.serveRequest`. */
export const serveRequests =
  (serving: Serving, server: Implementation): McpServers["Service"]["serveRequest"] =>
  (message, inbound, exchange) => {
    const method = table.get(message.method)
    if (method === undefined) return undefined
    const envelope = usualEnvelope(message, inbound.headers)
    if (envelope === undefined) return undefined
    const { id, params } = message
    const context = new StatelessContext(inbound, envelope, exchange)
    const fail = (given: Failure) => {
      const failure = toModern(given)
      exchange.respond(
        { jsonrpc: "2.0", id, error: toErrorObject(failure) },
        setsStatus(failure) ? failure : undefined
      )
    }
    const prepared = method.prepare(params)
    if (isFailure(prepared)) {
      fail(prepared)
      return () => {}
    }
    const respond = (result: object) =>
      // Every result is a JSON object; its type depends on the method.
      exchange.respond({ jsonrpc: "2.0", id, result: complete(result as JsonObject, server) })

    const suspend = (suspended: Suspended) => {
      const missing = missingCapabilities(suspended.requests, envelope.capabilities)
      if (missing !== undefined) return fail(missing)
      askClient(serving.program, inbound.principal, prepared.label, params, suspended).then(
        ({ _meta, ...result }) =>
          exchange.respond({
            jsonrpc: "2.0",
            id,
            result: { ...result, _meta: { ..._meta, [serverInfoKey]: server } }
          }),
        () => fail({ code: internalError, status: 500, message: "Internal error" })
      )
    }

    const running: Running<object> = startRound(serving, { prepared, params, context, earlier: first })
    const settle = (exit: Exit.Exit<object, CatalogFailure>) => {
      const outcome = outcomeOf(exit, running, method, context)
      if (outcome instanceof ErrorResponse) fail(outcome.failure)
      else if (outcome instanceof Suspended) suspend(outcome)
      else respond(outcome)
    }
    const done = (exit: Exit.Exit<object, CatalogFailure>) => {
      // The response is the last message of its request.
      if (running.sent === undefined) settle(exit)
      else void running.sent().then(() => settle(exit))
    }
    const { fiber } = running
    const exit = fiber.pollUnsafe()
    if (exit !== undefined) done(exit)
    else fiber.addObserver(done)
    return () => fiber.interruptUnsafe()
  }
