/** MCP over streamable HTTP on `/mcp` and `/mcp/`: sessions for the eras up to 2025-11-25, stateless from 2026-07-28 on. */
import {
  classifyInboundRequest,
  createMcpHandler,
  SUPPORTED_PROTOCOL_VERSIONS,
  type AuthInfo
} from "@modelcontextprotocol/server"
import { Effect, Layer } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection } from "../http/Routes.ts"
import { sessionNotFound } from "./HttpSession.ts"
import { McpServers } from "./McpServers.ts"
import type { Parsed } from "./messages.ts"
import { identify, readMessages, refusal, wrongContent } from "./requests.ts"
import { Sessions } from "./Sessions.ts"
import { httpRefusal, type Passage } from "./turnedAway.ts"

const unsupportedVersion = -32022
const sessionHeader = "mcp-session-id"
const versionHeader = "mcp-protocol-version"

/** What is wrong with a POST before its body is read. */
const wrongHeaders = (headers: Headers): Response | undefined => {
  const accept = headers.get("accept") ?? ""
  const any = accept.includes("*/*")
  if (!any && !(accept.includes("application/json") && accept.includes("text/event-stream"))) {
    return refusal(406, -32000, "Not Acceptable: accept both application/json and text/event-stream.")
  }
  return wrongContent(headers)
}

const wrongVersion = (headers: Headers): Response | undefined => {
  const requested = headers.get(versionHeader)
  if (requested === null || SUPPORTED_PROTOCOL_VERSIONS.includes(requested)) return undefined
  return refusal(400, unsupportedVersion, `Unsupported protocol version: ${requested.slice(0, 100)}`, {
    supported: SUPPORTED_PROTOCOL_VERSIONS,
    requested: requested.slice(0, 100)
  })
}

const isInitialize = ({ messages }: Parsed) =>
  messages.length === 1 &&
  messages[0] !== undefined &&
  "method" in messages[0] &&
  messages[0].method === "initialize"

/** Ends what would go on by itself. */
const makeStop = () => new AbortController()

/** How the SDK carries the principal through to the factory, and from there to the handler and back. */
const toAuthInfo = (principal: Principal, passage: Passage): AuthInfo => ({
  token: "",
  clientId: principal.clientId,
  scopes: [...principal.scopes],
  extra: { principal, passage }
})

/** A refusal that is answered at once says so in HTTP as well. */
const withStatus = (response: Response, { refused }: Passage): Response => {
  const away = httpRefusal(refused)
  if (away === undefined || response.headers.get("content-type") !== "application/json") return response
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(away.headers)) headers.set(name, value)
  return new Response(response.body, { status: away.status, headers })
}

export const layer = (options: { readonly maxMessageBytes: number }) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const sessions = yield* Sessions
      const log = Effect.runForkWith(yield* Effect.context<never>())
      /** Ends `subscriptions/listen` streams when the program stops. */
      const stopping = makeStop()

      const stateless = createMcpHandler(
        ({ authInfo, requestInfo }) =>
          servers.forRequest(
            authInfo?.extra?.principal as Principal,
            requestInfo?.headers.get("mcp-method") ?? ""
          ),
        {
          legacy: "reject",
          bus: servers.bus,
          maxRequestBodySize: options.maxMessageBytes,
          onerror: (error) => log(Effect.logDebug("mcp", error.message))
        }
      )
      yield* Effect.addFinalizer(() => Effect.promise(() => stateless.close()))

      const listen = (request: Request) =>
        new Request(request.url, {
          method: request.method,
          headers: request.headers,
          signal: AbortSignal.any([request.signal, stopping.signal])
        })

      const initialize = (parsed: Parsed, principal: Principal, request: Request, connection: Connection) => {
        const session = sessions.open(principal)
        if (session === undefined) {
          return tooManyOpen("sessions")
        }
        const response = session.post(parsed, request, connection.keepOpen)
        const settle = (answer: Response) => {
          if (!session.initialized) sessions.close(session)
          return answer
        }
        return response instanceof Response ? settle(response) : response.then(settle)
      }

      const ofSession = (principal: Principal, request: Request) => {
        const id = request.headers.get(sessionHeader)
        if (id === null)
          return refusal(400, -32000, "Bad Request: Mcp-Session-Id is missing. Initialize first.")
        return sessions.find(id, principal) ?? sessionNotFound()
      }

      const post = async (principal: Principal, request: Request, connection: Connection) => {
        const wrong = wrongHeaders(request.headers)
        if (wrong !== undefined) return wrong
        const parsed = await readMessages(request, options.maxMessageBytes)
        if (parsed instanceof Response) return parsed
        const body: unknown = parsed.batch ? parsed.messages : parsed.messages[0]
        const { headers } = request
        const outcome = classifyInboundRequest({
          httpMethod: "POST",
          protocolVersionHeader: headers.get(versionHeader) ?? undefined,
          mcpMethodHeader: headers.get("mcp-method") ?? undefined,
          mcpNameHeader: headers.get("mcp-name") ?? undefined,
          body
        } as Parameters<typeof classifyInboundRequest>[0])
        if (outcome.kind !== "legacy") {
          const refused = servers.refuse(principal, body, headers)
          if (refused !== undefined) {
            return refusal(refused.status, refused.code, refused.message, refused.data, body)
          }
          connection.keepOpen()
          const listening = headers.get("mcp-method") === "subscriptions/listen"
          const passage: Passage = {}
          const response = await stateless.fetch(listening ? listen(request) : request, {
            parsedBody: body,
            authInfo: toAuthInfo(principal, passage)
          })
          return passage.refused === undefined ? response : withStatus(response, passage)
        }
        if (isInitialize(parsed)) return initialize(parsed, principal, request, connection)
        const session = ofSession(principal, request)
        if (session instanceof Response) return session
        return wrongVersion(headers) ?? session.post(parsed, request, connection.keepOpen)
      }

      const get = (principal: Principal, request: Request, connection: Connection) => {
        if (!(request.headers.get("accept") ?? "").includes("text/event-stream")) {
          return refusal(406, -32000, "Not Acceptable: accept text/event-stream.")
        }
        const session = ofSession(principal, request)
        if (session instanceof Response) return session
        const wrong = wrongVersion(request.headers)
        if (wrong !== undefined) return wrong
        connection.keepOpen()
        return session.get(request.headers.get("last-event-id"))
      }

      const remove = (principal: Principal, request: Request) => {
        const session = ofSession(principal, request)
        if (session instanceof Response) return session
        sessions.close(session)
        return new Response(null, { status: 200 })
      }

      yield* routes.add({
        paths: ["/mcp", "/mcp/"],
        fetch: (request, connection) => {
          const principal = identify(authenticator, request, connection)
          if (principal instanceof Response) return principal
          switch (request.method) {
            case "POST":
              return post(principal, request, connection)
            case "GET":
              return get(principal, request, connection)
            case "DELETE":
              return remove(principal, request)
            default:
              return methodNotAllowed("GET, POST, DELETE, OPTIONS")
          }
        },
        drain: Effect.andThen(
          sessions.quiesce,
          Effect.sync(() => stopping.abort())
        )
      })
    })
  )
