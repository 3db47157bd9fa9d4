/** Stateless requests (2026-07-28): served directly or by the SDK's handler, closed when the credential ends. */
import {
  createMcpHandler,
  type AuthInfo,
  type JSONRPCMessage,
  type JSONRPCRequest,
  type McpServerFactory
} from "@modelcontextprotocol/server"
import { Clock, Effect, Exit, Scope } from "effect"
import { unauthorized } from "../../src/domain/errorCodes.ts"
import type { Failure } from "../../src/domain/Failure.ts"
import { MemberList } from "../../src/domain/MemberList.ts"
import { Channels } from "../events/Channels.ts"
import { tooManyOpen } from "../http/responses.ts"
import type { Connection } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { invalidToken } from "../identity/bearerChallenge.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import { runSyncOrPromise } from "../platform/runSyncOrPromise.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { Backlog } from "./Backlog.ts"
import { closable } from "./closableResponse.ts"
import { eventStream } from "./EventStream.ts"
import { McpServers, type StatelessRequest } from "./McpServers.ts"
import { HttpInbound } from "./HttpInbound.ts"
import { isRequest } from "./jsonRpc.ts"
import { rejectionOf } from "./jsonRpcResponses.ts"
import * as keepAlive from "./keepAlive.ts"
import { StatelessExchange } from "./StatelessExchange.ts"
import type { StreamLimits } from "./StreamLimits.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** One stateless request; the SDK passes it to the server factory in `authInfo`. */
class Stateless extends HttpInbound implements StatelessRequest {
  readonly method: string
  failure: Failure | undefined
  /** Set when the credential has ended while the request was running. */
  ended: Ended | undefined
  readonly #grant: Grant
  readonly #follow: Authenticator["Service"]["follow"]

  constructor(
    grant: Grant,
    request: Request,
    connection: Connection,
    follow: Authenticator["Service"]["follow"]
  ) {
    super(grant, request, connection)
    this.method = request.headers.get("mcp-method") ?? ""
    this.#grant = grant
    this.#follow = follow
  }

  onEnded(interrupt: () => void) {
    return this.#follow(this.#grant, {
      ended: (why) => {
        this.ended = why
        interrupt()
      }
    })
  }

  onGrantEnded(interrupt: () => void) {
    return this.#follow(this.#grant, { ended: interrupt })
  }

  readonly onRejected = (failure: Failure) => {
    this.failure = failure
  }

  /** The SDK passes it on unchanged. */
  get authInfo(): AuthInfo {
    const { clientId, scopes } = this.principal
    return { token: "", clientId, scopes: [...scopes], extra: { stateless: this } }
  }
}

/** Sets the HTTP status of a rejection, unless its response is a stream. */
const withStatus = (response: Response, { headers, status }: Failure): Response => {
  if (response.headers.get("content-type") !== "application/json") return response
  const merged = new Headers(response.headers)
  for (const [name, value] of Object.entries(headers ?? {})) merged.set(name, value)
  return new Response(response.body, { status, headers: merged })
}

const isBatch = (
  body: JSONRPCMessage | ReadonlyArray<JSONRPCMessage>
): body is ReadonlyArray<JSONRPCMessage> => Array.isArray(body)

const tokenEnded = (why: Ended): Failure => {
  const message = `The token is ${why}. Use a new one.`
  return { code: unauthorized, status: 401, message, headers: { "www-authenticate": invalidToken(message) } }
}

/** Serves while the scope is open. */
export const make = Effect.fnUntraced(function* (options: Omit<StreamLimits, "max">) {
  const authenticator = yield* Authenticator
  const channels = yield* Channels
  const quotas = yield* Quotas
  const servers = yield* McpServers
  const clock = yield* Clock.Clock
  const log = Effect.runForkWith(yield* Effect.context<never>())
  const running = new MemberList<StatelessExchange>()
  const slow = yield* keepAlive.make(() => running.all())
  const backlogOptions = { ...options, now: () => monotonicMillis(clock) }
  /** Ends `subscriptions/listen` streams when the program stops. */
  const subscriptions = yield* Scope.fork(yield* Effect.scope)
  const stopping = yield* Scope.provide(Effect.abortSignal, subscriptions)
  const handlerOptions = {
    legacy: "reject",
    maxRequestBodySize: options.maxMessageBytes,
    onerror: (error: Error) => void log(Effect.logDebug("mcp", error.message))
  } as const

  const factory: McpServerFactory = ({ authInfo }) =>
    // `serve` always sets it.
    servers.forRequest(authInfo?.extra?.stateless as Stateless)
  const handler = createMcpHandler(factory, handlerOptions)
  yield* Effect.addFinalizer(() => {
    for (const each of running.all()) each.abort()
    return Effect.promise(() => handler.close())
  })

  /** A subscription gets its own handler, whose bus publishes only changes that are visible to its principal. */
  const listen = (request: Request, body: unknown, { principal }: Grant, authInfo: AuthInfo) => {
    const own = createMcpHandler(factory, { ...handlerOptions, bus: servers.bus(principal) })
    const signal = AbortSignal.any([request.signal, stopping])
    const { headers, method } = request
    return own.fetch(new Request(request.url, { method, headers, signal }), { parsedBody: body, authInfo })
  }

  const report = (error: Error) => void log(Effect.logWarning("mcp", error.message))

  /** `undefined`: the request is for the SDK's handler. */
  const serveDirectly = (
    one: Stateless,
    grant: Grant,
    request: Request,
    message: JSONRPCRequest,
    makeBacklog: () => Backlog,
    held: Hold | undefined
  ): Response | Promise<Response> | undefined => {
    let unfollow = () => {}
    const exchange = new StatelessExchange({
      makeBacklog,
      report,
      onEnd: (ended) => {
        running.remove(ended)
        unfollow()
        held?.end()
      }
    })
    const interrupt = servers.serveRequest(message, one, exchange)
    if (interrupt === undefined) return undefined
    exchange.interrupt = interrupt
    if (exchange.hasEnded) return exchange.response
    running.add(exchange)
    unfollow = authenticator.follow(grant, {
      ended: (why) => exchange.abort(rejectionOf(tokenEnded(why), message))
    })
    const { signal } = request
    if (signal.aborted) exchange.abort()
    else signal.addEventListener("abort", () => exchange.abort(), { once: true })
    return exchange.response
  }

  /** `held` ends with the response. */
  const serve = async (
    grant: Grant,
    request: Request,
    body: JSONRPCMessage | ReadonlyArray<JSONRPCMessage> | undefined,
    connection: Connection,
    held: Hold | undefined
  ): Promise<Response> => {
    const { key } = grant.principal
    let open: Hold | undefined
    const finish = () => {
      open?.end()
      held?.end()
    }
    /** By the response, which ends it. */
    let isHeld = false
    try {
      const mismatch = runSyncOrPromise(servers.checkHeaders(grant.principal, body, request.headers))
      const checked = mismatch instanceof Promise ? await mismatch : mismatch
      if (Exit.isFailure(checked)) throw new Error("headers could not be checked", { cause: checked.cause })
      if (checked.value !== undefined) return rejectionOf(checked.value, body)
      connection.keepOpen()
      const one = new Stateless(grant, request, connection, authenticator.follow)
      const makeBacklog = () => new Backlog(backlogOptions, new Hold(quotas.memory, key), connection.cut)
      if (body !== undefined && !isBatch(body) && isRequest(body)) {
        const response = serveDirectly(one, grant, request, body, makeBacklog, held)
        if (response !== undefined) {
          isHeld = true
          return response
        }
      }
      const { authInfo } = one
      const listening = one.method === "subscriptions/listen"
      if (listening) {
        open = new Hold(quotas.streams, key)
        if (!open.set(1)) return tooManyOpen("event streams")
      }
      const response = await (listening
        ? listen(request, body, grant, authInfo)
        : slow.keepAlive(handler.fetch(request, { parsedBody: body, authInfo }), makeBacklog))
      if (one.ended !== undefined && response.headers.get("content-type") !== eventStream) {
        return rejectionOf(tokenEnded(one.ended), body)
      }
      if (one.failure !== undefined) return withStatus(response, one.failure)
      if (response.body === null || response.headers.get("content-type") !== eventStream) return response
      isHeld = true
      return closable(response, makeBacklog(), (end) => {
        const unfollow = authenticator.follow(grant, { ended: end })
        // A subscription counts as a connected client; a stream that ends with its request does not.
        const client = listening ? channels.subscribeUnsafe(grant.principal, [], () => {}) : undefined
        return () => {
          unfollow()
          client?.end()
          finish()
        }
      })
    } finally {
      if (!isHeld) finish()
    }
  }

  return { serve, quiesce: Scope.close(subscriptions, Exit.void) }
})
