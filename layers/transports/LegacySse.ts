/** MCP's first HTTP transport (2024-11-05, HTTP with SSE): one event stream per client, and POSTs that belong to it. */
import { Effect, Layer } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { Ids } from "../platform/Ids.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection } from "../http/Routes.ts"
import { Channels, channels as allChannels, type Channel } from "../events/Channels.ts"
import { EventStream, sseHeaders } from "./EventStream.ts"
import { sessionNotFound } from "./HttpSession.ts"
import { McpServers } from "./McpServers.ts"
import { identify, readMessages, refusal, wrongContent } from "./requests.ts"
import { Wire } from "./Wire.ts"

const messagesPath = "/mcp/messages"

export interface Limits {
  readonly maxMessageBytes: number
  /** The most streams at once. */
  readonly max: number
  /** Bytes that may wait for a slow reader before it is given up. */
  readonly mostWaiting: number
}

interface Client {
  readonly principal: Principal
  readonly wire: Wire
}

export const layer = (limits: Limits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const channels = yield* Channels
      const ids = yield* Ids
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const clients = new Map<string, Client>()

      const open = (principal: Principal, request: Request) => {
        if (clients.size >= limits.max) return tooManyOpen("event streams")
        const id = ids.nextUnsafe()
        const stream = new EventStream(limits.mostWaiting, () => wire.close())
        const wire: Wire = new Wire({
          write: (message) => stream.event(message),
          close: () => {
            clients.delete(id)
            subscription.end()
            stream.close()
          }
        })
        // Clients take the first event for the endpoint, so nothing comes before it.
        stream.named("endpoint", `${messagesPath}?sessionId=${id}`)
        stream.comment("connected")
        const query = new URL(request.url).searchParams
        const named = query.has("client_id")
        if (named) {
          const ready = { server_capabilities: servers.capabilities, session_id: id }
          stream.named("ready", JSON.stringify(ready))
        }
        const wanted = query.get("multiplex") === "true" ? allChannels : (["heartbeat"] as const)
        const send = (channel: Channel, json: string) => {
          if (named) stream.named(channel, json)
          else stream.comment("keepalive")
        }
        const subscription = channels.subscribeUnsafe(principal, named ? wanted : ["heartbeat"], send)
        clients.set(id, { principal, wire })
        wire.serve(servers, principal, (error) => log(Effect.logDebug("sse", error.message)))
        return new Response(stream.body, { headers: sseHeaders })
      }

      const get = (principal: Principal, request: Request, connection: Connection) => {
        const accept = request.headers.get("accept") ?? "*/*"
        if (!accept.includes("text/event-stream") && !accept.includes("*/*")) {
          return refusal(406, -32000, "Not Acceptable: accept text/event-stream.")
        }
        connection.keepOpen()
        return open(principal, request)
      }

      const post = async (principal: Principal, request: Request) => {
        const wrong = wrongContent(request.headers)
        if (wrong !== undefined) return wrong
        const id = new URL(request.url).searchParams.get("sessionId")
        if (id === null) {
          return refusal(400, -32000, "Bad Request: sessionId is missing. Connect to /mcp/sse first.")
        }
        const client = clients.get(id)
        if (client === undefined || client.principal.key !== principal.key) return sessionNotFound()
        const parsed = await readMessages(request, limits.maxMessageBytes)
        if (parsed instanceof Response) return parsed
        if (!client.wire.open) return sessionNotFound()
        const unreadable = client.wire.receive(parsed)
        return unreadable === undefined
          ? new Response(null, { status: 202 })
          : refusal(400, unreadable.code, unreadable.message)
      }

      const all = (end: (wire: Wire) => Promise<void>) =>
        Effect.promise(() => Promise.all(Array.from(clients.values(), ({ wire }) => end(wire))))

      yield* Effect.addFinalizer(() => all((wire) => wire.end()))
      yield* routes.add({
        paths: ["/mcp/sse"],
        fetch: (request, connection) => {
          const principal = identify(authenticator, request, connection)
          if (principal instanceof Response) return principal
          return request.method === "GET"
            ? get(principal, request, connection)
            : methodNotAllowed("GET, OPTIONS")
        },
        drain: all((wire) => wire.finish())
      })
      yield* routes.add({
        paths: [messagesPath],
        fetch: (request, connection) => {
          const principal = identify(authenticator, request, connection)
          if (principal instanceof Response) return principal
          return request.method === "POST" ? post(principal, request) : methodNotAllowed("POST, OPTIONS")
        }
      })
    })
  )
