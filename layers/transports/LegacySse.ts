/** HTTP with SSE, the first HTTP transport of MCP (2024-11-05): one event stream per client, and POSTs that refer to it. */
import { Clock, Effect, Layer } from "effect"
import { channels as allChannels, Channels, type Channel } from "../events/Channels.ts"
import { accepts } from "../http/acceptHeader.ts"
import { pathPrefixOf } from "../http/pathPrefix.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import type { Grant } from "../identity/Grant.ts"
import { Ids } from "../platform/Ids.ts"
import { ofWorker, WorkerSlot } from "../platform/WorkerSlot.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import { Backlog } from "./Backlog.ts"
import { EventStream, eventStream, sseHeaders } from "./EventStream.ts"
import { McpServers } from "./McpServers.ts"
import { MessageRejection } from "./jsonRpc.ts"
import { HttpInbound } from "./HttpInbound.ts"
import { authenticateRequest, authenticateStream, withGrant } from "./authenticateRequest.ts"
import { reject, sessionNotFound, messageRejected } from "./jsonRpcResponses.ts"
import { holdBody, readMessages, wrongContent } from "./messageBody.ts"
import type { StreamLimits } from "./StreamLimits.ts"
import { Wire } from "./Wire.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

const messagesPath = "/mcp/messages"

/** URL in the `endpoint` event; clients may add further query parameters. */
const endpointQuery = `${messagesPath}?sessionId=`

/** The session id of a POST. Fast path for the usual URL, because parsing one is expensive. */
const sessionIdOf = (url: string): string | null => {
  const start = url.indexOf(endpointQuery)
  const id = start < 0 ? "" : url.slice(start + endpointQuery.length)
  return /^[\w-]+$/.test(id) ? id : new URL(url).searchParams.get("sessionId")
}

interface SseConnection {
  readonly key: string
  readonly wire: Wire
}

export const layer = (limits: StreamLimits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const channels = yield* Channels
      const quotas = yield* Quotas
      const clock = yield* Clock.Clock
      const backlogOptions = { ...limits, now: () => monotonicMillis(clock) }
      const ids = yield* Ids
      const slot = yield* WorkerSlot
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const report = (error: Error) => void log(Effect.logDebug("sse", error.message))
      const clients = new Map<string, SseConnection>()

      const open = (grant: Grant, request: Request, connection: Connection) => {
        if (clients.size >= limits.max) return tooManyOpen("event streams")
        const { principal } = grant
        const held = new Hold(quotas.streams, principal.key)
        if (!held.set(1)) return tooManyOpen("event streams")
        const id = ofWorker(ids.nextUnsafe(), slot)
        const backlog = new Backlog(backlogOptions, new Hold(quotas.memory, principal.key), connection.cut)
        const stream = new EventStream(backlog, () => wire.close())
        const pipe = {
          write: (message: string) => stream.event(message),
          close: () => {
            clients.delete(id)
            held.end()
            unfollow()
            subscription.end()
            stream.close()
          }
        }
        const wire: Wire = new Wire(pipe, servers, report)
        // Clients expect the endpoint in the first event.
        stream.named("endpoint", `${pathPrefixOf(request.headers)}${endpointQuery}${id}`)
        stream.comment("connected")
        const query = new URL(request.url).searchParams
        const named = query.has("client_id")
        if (named) {
          const ready = { server_capabilities: servers.capabilities, session_id: id }
          stream.named("ready", JSON.stringify(ready))
        }
        const wanted = query.get("multiplex") === "true" ? allChannels : (["heartbeat", "usage"] as const)
        const send = (channel: Channel, json: string) => {
          if (named) stream.named(channel, json)
          else stream.comment("keepalive")
        }
        const subscription = channels.subscribeUnsafe(principal, named ? wanted : ["heartbeat"], send)
        const unfollow = authenticator.follow(grant, { ended: () => void wire.close() })
        clients.set(id, { key: principal.key, wire })
        return new Response(stream.body, { headers: sseHeaders })
      }

      const get = (grant: Grant, request: Request, connection: Connection) => {
        if (!accepts(request.headers.get("accept"), eventStream)) {
          return reject(406, "Not Acceptable: accept text/event-stream.")
        }
        connection.keepOpen()
        return open(grant, request, connection)
      }

      /** Rejects on the stream too, because some clients wait for the response there whatever the status of the POST. */
      const rejectMessages = ({ wire }: SseConnection, rejected: MessageRejection) => {
        if (wire.open && rejected.ids.length > 0) wire.reject(rejected)
        return messageRejected(rejected)
      }

      const post = async (grant: Grant, request: Request, connection: Connection) => {
        const wrong = wrongContent(request.headers)
        if (wrong !== undefined) return wrong
        const id = sessionIdOf(request.url)
        if (id === null) return reject(400, "Bad Request: missing sessionId. Connect to /mcp/sse first.")
        const client = clients.get(id)
        if (client === undefined || client.key !== grant.principal.key) return sessionNotFound()
        const held = holdBody(quotas.memory, grant, request, limits)
        if (held instanceof Response) return held
        const parsed = await readMessages(request, limits).catch((cause: unknown) => {
          held?.end()
          throw cause
        })
        const finish = (response: Response) => {
          held?.end()
          return response
        }
        if (parsed instanceof Response) return finish(parsed)
        if (parsed instanceof MessageRejection) return finish(rejectMessages(client, parsed))
        if (!client.wire.open) return finish(sessionNotFound())
        const rejected = client.wire.receive(parsed, new HttpInbound(grant, request, connection), held)
        return rejected === undefined ? new Response(null, { status: 202 }) : rejectMessages(client, rejected)
      }

      const all = (end: (wire: Wire) => Promise<void>) =>
        Effect.promise(() => Promise.all(Array.from(clients.values(), ({ wire }) => end(wire))))

      yield* Effect.addFinalizer(() => all((wire) => wire.end()))
      yield* routes.add({
        paths: ["/mcp/sse"],
        fetch: (request, connection) =>
          withGrant(authenticateStream(authenticator, request, connection, "/mcp/sse"), (grant) =>
            request.method === "GET" ? get(grant, request, connection) : methodNotAllowed("GET, OPTIONS")
          ),
        drain: all((wire) => wire.finish())
      })
      yield* routes.add({
        paths: [messagesPath],
        fetch: (request, connection) =>
          withGrant(authenticateRequest(authenticator, request, connection, "/mcp/sse"), (grant) =>
            request.method === "POST" ? post(grant, request, connection) : methodNotAllowed("POST, OPTIONS")
          )
      })
    })
  )
