/** MCP over streamable HTTP on `/mcp` and `/mcp/`: session era (up to 2025-11-25) and stateless requests (2026-07-28). */
import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server"
import { Effect, Exit, Layer } from "effect"
import { unsupportedVersion } from "../../src/domain/errorCodes.ts"
import { accepts } from "../http/acceptHeader.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import type { Grant } from "../identity/Grant.ts"
import { runSyncOrPromise } from "../platform/runSyncOrPromise.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { isStateless, versionHeader } from "./protocolEra.ts"
import { eventStream } from "./EventStream.ts"
import type { HttpSession } from "./HttpSession.ts"
import { MessageRejection, type Parsed } from "./jsonRpc.ts"
import { authenticateRequest, withGrant } from "./authenticateRequest.ts"
import { reject, sessionNotFound, messageRejected } from "./jsonRpcResponses.ts"
import { holdBody, readMessages, wrongContent } from "./messageBody.ts"
import { Sessions } from "./Sessions.ts"
import * as statelessRequests from "./statelessRequests.ts"
import type { StreamLimits } from "./StreamLimits.ts"

const sessionHeader = "mcp-session-id"

/** The Accept header of most clients; it is not parsed. */
const usualAccept = "application/json, text/event-stream"

/** Rejects a POST by its headers. */
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

/** Continues with the session, synchronously where the store is. */
const withSession = (
  found: Effect.Effect<HttpSession | undefined>,
  next: (session: HttpSession) => Response | Promise<Response>
): Response | Promise<Response> => {
  const settle = (exit: Exit.Exit<HttpSession | undefined>) => {
    if (Exit.isFailure(exit)) throw new Error("the session could not be found", { cause: exit.cause })
    return exit.value === undefined ? sessionNotFound() : next(exit.value)
  }
  const exit = runSyncOrPromise(found)
  return exit instanceof Promise ? exit.then(settle) : settle(exit)
}

export const layer = (options: Omit<StreamLimits, "max">) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const sessions = yield* Sessions
      const quotas = yield* Quotas
      const stateless = yield* statelessRequests.make(options)
      const context = yield* Effect.context<never>()
      const log = Effect.runForkWith(context)
      const run = Effect.runPromiseWith(context)

      const initialize = (parsed: Parsed, grant: Grant, request: Request, connection: Connection) => {
        const exit = runSyncOrPromise(sessions.open(grant.principal, parsed.bytes))
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
          ? reject(400, "Bad Request: missing Mcp-Session-Id. Initialize first.")
          : withSession(sessions.find(id, principal), next)
      }

      const post = async (grant: Grant, request: Request, connection: Connection): Promise<Response> => {
        const { headers } = request
        const wrong = wrongHeaders(headers)
        if (wrong !== undefined) return wrong
        let held = holdBody(quotas.memory, grant, request, options)
        if (held instanceof Response) return held
        connection.charge(quotas.memory, grant.principal.key)
        /** Passes the hold on to the code that serves the requests; otherwise it ends here. */
        const takeHold = () => {
          const given = held instanceof Hold ? held : undefined
          held = undefined
          return given
        }
        try {
          const parsed = await readMessages(request, options)
          if (parsed instanceof Response) return parsed
          if (parsed instanceof MessageRejection) return messageRejected(parsed)
          if (isStateless(parsed, headers)) {
            const body = parsed.batch ? parsed.messages : parsed.messages[0]
            return await stateless.serve(grant, request, body, connection, takeHold())
          }
          if (isInitialize(parsed)) return await initialize(parsed, grant, request, connection)
          return await ofSession(
            grant,
            request,
            (session) => wrongVersion(headers) ?? session.post(parsed, request, grant, connection, takeHold())
          )
        } finally {
          takeHold()?.end()
        }
      }

      const get = (grant: Grant, request: Request, connection: Connection) => {
        if (!accepts(request.headers.get("accept"), eventStream)) {
          return reject(406, "Not Acceptable: accept text/event-stream.")
        }
        return ofSession(grant, request, (session) => {
          const wrong = wrongVersion(request.headers)
          if (wrong !== undefined) return wrong
          connection.keepOpen()
          return run(session.get(request.headers.get("last-event-id"), grant, connection))
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
          withGrant(authenticateRequest(authenticator, request, connection, "/mcp"), (grant) =>
            serve(grant, request, connection)
          ),
        drain: Effect.andThen(sessions.quiesce, stateless.quiesce)
      })
    })
  )
