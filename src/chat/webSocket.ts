/** The endpoint `/ws/chat`: conversations over WebSocket. */
import { Clock, Effect, Layer } from "effect"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { untilRevoked } from "../../layers/identity/untilRevoked.ts"
import { methodNotAllowed, reject, tooManyOpen } from "../../layers/http/responses.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { authenticateStream, withGrant } from "../../layers/transports/authenticateRequest.ts"
import type { BacklogOptions } from "../../layers/transports/Backlog.ts"
import { GuardedSocket } from "../../layers/transports/GuardedSocket.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { ChatSocket } from "./ChatSocket.ts"
import { Conversations } from "./Conversations.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

const path = "/ws/chat"

interface SocketData {
  readonly grant: Grant
  chat: ChatSocket | undefined
  guarded: GuardedSocket | undefined
}

export const layer = (limits: StreamLimits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const conversations = yield* Conversations
      const quotas = yield* Quotas
      const clock = yield* Clock.Clock
      const scope = yield* Effect.scope
      const context = yield* Effect.context<never>()
      const run = Effect.runForkWith(context)
      const fork = (effect: Effect.Effect<void>) => run(effect)
      const report = (cause: unknown) => void run(Effect.logError("A request of the chat failed.", cause))
      const later = (task: () => void) =>
        void run(Effect.forkIn(Effect.delay(Effect.sync(task), limits.unreadTimeout), scope))
      const open = new Set<SocketData>()
      // The listener closes sockets at twice the message limit, without a reason.
      const backlog: BacklogOptions = {
        mostWaiting: Math.min(limits.mostWaiting, 2 * limits.maxMessageBytes),
        unreadTimeout: limits.unreadTimeout,
        now: () => monotonicMillis(clock)
      }

      const upgrade = (grant: Grant, connection: Connection<SocketData>) => {
        if (open.size >= limits.max) return tooManyOpen("WebSockets")
        if (connection.upgrade({ grant, chat: undefined, guarded: undefined })) return undefined
        const response = reject(
          426,
          "This path serves WebSocket: send Upgrade: websocket (RFC 6455, section 4.1)."
        )
        response.headers.set("upgrade", "websocket")
        return response
      }

      const endAll = Effect.sync(() => {
        for (const { guarded } of open) guarded?.leave(1001, "the service is stopping")
      })
      yield* Effect.addFinalizer(() => endAll)
      yield* routes.add<SocketData>({
        paths: [path],
        fetch: (request, connection) =>
          withGrant(authenticateStream(authenticator, request, connection, path), (grant) =>
            request.method === "GET" ? upgrade(grant, connection) : methodNotAllowed("GET")
          ),
        websocket: {
          open: (socket) => {
            const { data } = socket
            let { principal } = data.grant
            const guarded = new GuardedSocket({
              socket,
              grant: data.grant,
              authenticator,
              quotas,
              backlog,
              later,
              onGrant: (grant) => {
                principal = grant.principal
              },
              onLeave: () => {
                open.delete(data)
                data.chat?.end()
              }
            })
            data.guarded = guarded
            data.chat = new ChatSocket(guarded, {
              conversations,
              bounds: limits.bounds,
              maxPageBytes: backlog.mostWaiting / 4,
              unreadTimeout: limits.unreadTimeout,
              context,
              fork,
              report,
              principal: () => principal,
              revoked: untilRevoked(authenticator, data.grant)
            })
            open.add(data)
            guarded.hold()
            // A person types meanwhile.
            fork(conversations.prepare(principal))
          },
          drain: ({ data }) => data.chat?.drained(),
          message: ({ data }, frame) => data.chat?.receive(frame),
          close: ({ data }) => {
            open.delete(data)
            data.chat?.closed()
          }
        },
        // Turns that run are finished while their clients still see them.
        drain: Effect.andThen(conversations.drain, endAll)
      })
    })
  )
