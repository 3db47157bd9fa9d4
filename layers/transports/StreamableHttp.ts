/** MCP over streamable HTTP on `/mcp` and `/mcp/`: sessions for the eras up to 2025-11-25, stateless from 2026-07-28 on. */
import {
  createMcpHandler,
  SUPPORTED_PROTOCOL_VERSIONS,
  type AuthInfo,
  type McpServerFactory
} from "@modelcontextprotocol/server"
import { Clock, Effect, Exit, Layer, Scope } from "effect"
import { unsupportedVersion } from "../../src/domain/errorCodes.ts"
import type { Failure } from "../../src/domain/Failure.ts"
import { Channels } from "../events/Channels.ts"
import { accepts } from "../http/accept.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import type { Grant } from "../identity/Grant.ts"
import { immediate } from "../platform/immediate.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { Backlog } from "./Backlog.ts"
import { isStateless, versionHeader } from "./era.ts"
import { endable } from "./endable.ts"
import type { HttpSession } from "./HttpSession.ts"
import { McpServers, type StatelessRequest } from "./McpServers.ts"
import { Unreadable, type Parsed } from "./messages.ts"
import {
  holdBody,
  HttpInbound,
  identify,
  readMessages,
  reject,
  rejected,
  sessionNotFound,
  unreadable,
  withGrant,
  wrongContent
} from "./requests.ts"
import { Sessions } from "./Sessions.ts"
import * as slowResponses from "./slowResponses.ts"
import type { StreamLimits } from "./StreamLimits.ts"

const sessionHeader = "mcp-session-id"

const eventStream = "text/event-stream"
/** What most clients send, which need not be parsed. */
const usualAccept = "application/json, text/event-stream"

/** What is wrong with a POST before its body is read. */
const wrongHeaders = (headers: Headers): Response | undefined => {
  const accept = headers.get("accept")
  if (accept !== usualAccept && !(accepts(accept, "application/json") && accepts(accept, eventStream))) {
    return reject(406, "Not Acceptable: accept both application/json and text/event-stream.")
  }
  return wrongContent(headers)
}

const wrongVersion = (headers: Headers): Response | undefined => {
  const requested = headers.get(versionHeader)
  if (requested === null || SUPPORTED_PROTOCOL_VERSIONS.includes(requested)) return undefined
  const shown = requested.slice(0, 100)
  const data = { supported: SUPPORTED_PROTOCOL_VERSIONS, requested: shown }
  return reject(400, `Unsupported protocol version: ${shown}`, data, undefined, unsupportedVersion)
}

const isInitialize = ({ messages }: Parsed) =>
  messages.length === 1 &&
  messages[0] !== undefined &&
  "method" in messages[0] &&
  messages[0].method === "initialize"

/** One stateless request, on its way through the SDK to the factory of its server. */
class Stateless extends HttpInbound implements StatelessRequest {
  readonly method: string
  failure: Failure | undefined

  constructor(grant: Grant, request: Request, connection: Connection) {
    super(grant, request, connection)
    this.method = request.headers.get("mcp-method") ?? ""
  }

  readonly onRejected = (failure: Failure) => {
    this.failure = failure
  }

  /** The SDK passes it on untouched. */
  get authInfo(): AuthInfo {
    const { clientId, scopes } = this.principal
    return { token: "", clientId, scopes: [...scopes], extra: { stateless: this } }
  }
}

/** A rejection that is answered at once sets the HTTP status as well. */
const withStatus = (response: Response, { headers, status }: Failure): Response => {
  if (response.headers.get("content-type") !== "application/json") return response
  const merged = new Headers(response.headers)
  for (const [name, value] of Object.entries(headers ?? {})) merged.set(name, value)
  return new Response(response.body, { status, headers: merged })
}

/** Goes on with the session; at once where the store need not be waited for. */
const withSession = (
  found: Effect.Effect<HttpSession | undefined>,
  next: (session: HttpSession) => Response | Promise<Response>
): Response | Promise<Response> => {
  const settle = (exit: Exit.Exit<HttpSession | undefined>) => {
    if (Exit.isFailure(exit)) throw new Error("the session could not be found", { cause: exit.cause })
    return exit.value === undefined ? sessionNotFound() : next(exit.value)
  }
  const exit = immediate(found)
  return exit instanceof Promise ? exit.then(settle) : settle(exit)
}

export const layer = (options: Omit<StreamLimits, "max">) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const sessions = yield* Sessions
      const quotas = yield* Quotas
      const clock = yield* Clock.Clock
      const backlogOptions = { ...options, now: () => clock.currentTimeMillisUnsafe() }
      const channels = yield* Channels
      const context = yield* Effect.context<never>()
      const log = Effect.runForkWith(context)
      const run = Effect.runPromiseWith(context)
      const keptAlive = yield* slowResponses.make
      /** Ends `subscriptions/listen` streams when the program stops. */
      const subscriptions = yield* Scope.fork(yield* Effect.scope)
      const stopping = yield* Scope.provide(Effect.abortSignal, subscriptions)
      const handlerOptions = {
        legacy: "reject",
        maxRequestBodySize: options.maxMessageBytes,
        onerror: (error: Error) => void log(Effect.logDebug("mcp", error.message))
      } as const

      const factory: McpServerFactory = ({ authInfo }) =>
        // Only `serveStateless` calls the handler, and always with one.
        servers.forRequest(authInfo?.extra?.stateless as Stateless)
      const stateless = createMcpHandler(factory, handlerOptions)
      yield* Effect.addFinalizer(() => Effect.promise(() => stateless.close()))

      /** A subscription gets a handler of its own, whose bus publishes only what concerns its principal. */
      const listen = (request: Request, body: unknown, { principal }: Grant, authInfo: AuthInfo) => {
        const handler = createMcpHandler(factory, { ...handlerOptions, bus: servers.bus(principal) })
        const signal = AbortSignal.any([request.signal, stopping])
        const { headers, method } = request
        return handler.fetch(new Request(request.url, { method, headers, signal }), {
          parsedBody: body,
          authInfo
        })
      }

      const serveStateless = async (
        grant: Grant,
        request: Request,
        body: unknown,
        connection: Connection,
        held: Hold | undefined
      ): Promise<Response> => {
        const mismatch = immediate(servers.checkHeaders(grant.principal, body, request.headers))
        const checked = mismatch instanceof Promise ? await mismatch : mismatch
        if (Exit.isFailure(checked)) throw new Error("headers could not be checked", { cause: checked.cause })
        if (checked.value !== undefined) {
          held?.end()
          return rejected(checked.value, body)
        }
        connection.keepOpen()
        const one = new Stateless(grant, request, connection)
        const { authInfo } = one
        const listening = one.method === "subscriptions/listen"
        const open = listening ? new Hold(quotas.streams, grant.principal.key) : undefined
        if (open?.set(1) === false) {
          held?.end()
          return tooManyOpen("event streams")
        }
        const finish = () => {
          open?.end()
          held?.end()
        }
        const makeBacklog = () => new Backlog(backlogOptions, new Hold(quotas.memory, grant.principal.key))
        const response = await (
          listening
            ? listen(request, body, grant, authInfo)
            : keptAlive(stateless.fetch(request, { parsedBody: body, authInfo }), makeBacklog)
        ).catch((cause: unknown) => {
          finish()
          throw cause
        })
        if (one.failure !== undefined) {
          finish()
          return withStatus(response, one.failure)
        }
        if (response.body === null || response.headers.get("content-type") !== eventStream) {
          finish()
          return response
        }
        return endable(response, makeBacklog(), (end) => {
          const unfollow = authenticator.follow(grant, { ended: end })
          // A subscription is a client; a stream that ends with its request is not.
          const client = listening ? channels.subscribeUnsafe(grant.principal, [], () => {}) : undefined
          return () => {
            unfollow()
            client?.end()
            finish()
          }
        })
      }

      const initialize = (parsed: Parsed, grant: Grant, request: Request, connection: Connection) => {
        const exit = immediate(sessions.open(grant.principal, parsed.bytes))
        const begin = (opened: Exit.Exit<HttpSession | undefined>) => {
          if (Exit.isFailure(opened)) throw new Error("no session could be opened", { cause: opened.cause })
          const session = opened.value
          if (session === undefined) return tooManyOpen("sessions")
          const settle = (response: Response) => {
            if (!session.initialized) log(sessions.close(session))
            return response
          }
          const response = session.post(parsed, request, grant, connection)
          return response instanceof Response ? settle(response) : response.then(settle)
        }
        return exit instanceof Promise ? exit.then(begin) : begin(exit)
      }

      const ofSession = (
        { principal }: Grant,
        request: Request,
        next: (session: HttpSession) => Response | Promise<Response>
      ) => {
        const id = request.headers.get(sessionHeader)
        return id === null
          ? reject(400, "Bad Request: Mcp-Session-Id is missing. Initialize first.")
          : withSession(sessions.find(id, principal), next)
      }

      /** Serves a message; `held` is ended with its requests, or before. */
      const serveMessages = (
        parsed: Parsed,
        grant: Grant,
        request: Request,
        connection: Connection,
        held: Hold | undefined
      ): Response | Promise<Response> => {
        const { headers } = request
        if (isStateless(parsed, headers)) {
          const body: unknown = parsed.batch ? parsed.messages : parsed.messages[0]
          return serveStateless(grant, request, body, connection, held)
        }
        if (isInitialize(parsed)) {
          held?.end()
          return initialize(parsed, grant, request, connection)
        }
        let taken = false
        const response = ofSession(grant, request, (session) => {
          const wrong = wrongVersion(headers)
          if (wrong !== undefined) return wrong
          taken = true
          return session.post(parsed, request, grant, connection, held)
        })
        if (held === undefined) return response
        const release = () => {
          if (!taken) held.end()
        }
        return response instanceof Promise ? response.finally(release) : (release(), response)
      }

      const post = async (grant: Grant, request: Request, connection: Connection): Promise<Response> => {
        const wrong = wrongHeaders(request.headers)
        if (wrong !== undefined) return wrong
        const held = holdBody(quotas.memory, grant, request, options)
        if (held instanceof Response) return held
        connection.charge(quotas.memory, grant.principal.key)
        let parsed: Parsed | Unreadable | Response | undefined
        try {
          parsed = await readMessages(request, options)
        } finally {
          if (parsed === undefined || parsed instanceof Response || parsed instanceof Unreadable) held?.end()
        }
        if (parsed instanceof Response) return parsed
        if (parsed instanceof Unreadable) return unreadable(parsed)
        return serveMessages(parsed, grant, request, connection, held)
      }

      const get = (grant: Grant, request: Request, connection: Connection) => {
        if (!accepts(request.headers.get("accept"), eventStream)) {
          return reject(406, "Not Acceptable: accept text/event-stream.")
        }
        return ofSession(grant, request, (session) => {
          const wrong = wrongVersion(request.headers)
          if (wrong !== undefined) return wrong
          connection.keepOpen()
          return run(session.get(request.headers.get("last-event-id"), grant))
        })
      }

      const remove = (grant: Grant, request: Request) =>
        ofSession(grant, request, (session) =>
          run(Effect.as(sessions.close(session), new Response(null, { status: 200 })))
        )

      const serve = (grant: Grant, request: Request, connection: Connection) => {
        switch (request.method) {
          case "POST":
            return post(grant, request, connection)
          case "GET":
            return get(grant, request, connection)
          case "DELETE":
            return remove(grant, request)
          default:
            return methodNotAllowed("GET, POST, DELETE, OPTIONS")
        }
      }

      yield* routes.add({
        paths: ["/mcp", "/mcp/"],
        fetch: (request, connection) =>
          withGrant(identify(authenticator, request, connection, "/mcp"), (grant) =>
            serve(grant, request, connection)
          ),
        drain: Effect.andThen(sessions.quiesce, Scope.close(subscriptions, Exit.void))
      })
    })
  )
