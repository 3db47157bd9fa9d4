/** MCP over WebSocket on `/mcp/ws`, all protocol eras: JSON-RPC in text frames, plus control frames (ping, subscribe). */
import { Clock, Effect, Layer } from "effect"
import { limitReached } from "../../src/domain/errorCodes.ts"
import { isObject } from "../../src/domain/JsonObject.ts"
import { channels as allChannels, Channels, isChannel } from "../events/Channels.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection, type Socket } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import type { Grant } from "../identity/Grant.ts"
import { Hold } from "../quotas/Quota.ts"
import { Quotas } from "../quotas/Quotas.ts"
import type { BacklogOptions } from "./Backlog.ts"
import { GuardedSocket } from "./GuardedSocket.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import { McpServers, type Inbound } from "./McpServers.ts"
import { fromValue, isRequest, toValue, MessageRejection, type Parsed } from "./jsonRpc.ts"
import { authenticateStream, withGrant } from "./authenticateRequest.ts"
import { reject } from "./jsonRpcResponses.ts"
import { largeMessage, memoryQuotaReached } from "./messageBody.ts"
import type { StreamLimits } from "./StreamLimits.ts"
import { Wire } from "./Wire.ts"
import { monotonicMillis } from "../platform/monotonic.ts"

/** The subprotocol that MCP clients offer. */
const subprotocol = "mcp"

/** Control frames have a `type` and no `jsonrpc`. */
type ControlFrame = Readonly<Record<string, unknown>> & { readonly type: string }

const isControl = (value: unknown): value is ControlFrame =>
  isObject(value) && typeof value.type === "string" && !("jsonrpc" in value)

const failure = (code: string, message: string) => ({ type: "error", error: { code, message } })

/** Data of a socket. */
interface SocketData {
  readonly grant: Grant
  client: WebSocketConnection | undefined
}

interface ConnectionOptions {
  readonly socket: Socket<SocketData>
  readonly channels: Channels["Service"]
  readonly servers: McpServers["Service"]
  readonly authenticator: Authenticator["Service"]
  readonly quotas: Quotas["Service"]
  readonly backlog: BacklogOptions
  readonly bounds: JsonBounds | undefined
  /** Runs a function after the time-out for slow readers. */
  readonly later: (run: () => void) => void
  readonly report: (error: Error) => void
  readonly onClose: (client: WebSocketConnection) => void
}

/** One connection: its wire and its subscription, which end with the socket or with its credential. */
class WebSocketConnection {
  readonly wire: Wire
  readonly #bounds: JsonBounds | undefined
  readonly #quotas: Quotas["Service"]
  readonly #guarded: GuardedSocket
  readonly #subscription: ReturnType<Channels["Service"]["subscribeUnsafe"]>
  /** Origin of each message: the current credential of the socket. */
  #inbound: Inbound

  constructor(options: ConnectionOptions) {
    const { bounds, channels, onClose, quotas, report, servers, socket } = options
    const { grant } = socket.data
    this.#bounds = bounds
    this.#quotas = quotas
    const inboundOf = (now: Grant): Inbound => ({
      principal: now.principal,
      onGrantEnded: (interrupt) => options.authenticator.follow(now, { ended: interrupt })
    })
    this.#inbound = inboundOf(grant)
    this.#guarded = new GuardedSocket({
      ...options,
      grant,
      onGrant: (now) => {
        this.#inbound = inboundOf(now)
      },
      onLeave: () => this.wire.close()
    })
    const pipe = {
      write: (message: string) => this.#send(message),
      close: () => {
        this.#subscription.end()
        onClose(this)
        this.#guarded.close(1001, "server closed the connection")
      }
    }
    this.wire = new Wire(pipe, servers, report)
    this.#subscription = channels.subscribeUnsafe(grant.principal, [], (channel, json) => {
      this.#send(`{"type":"event","channel":"${channel}","data":${json}}`)
    })
    this.#guarded.hold()
  }

  receive(received: string | Uint8Array) {
    const frame = this.#guarded.accept(received)
    if (frame === undefined) return
    const value = toValue(frame, this.#bounds)
    if (isControl(value)) {
      this.#control(value)
      return
    }
    const parsed = value instanceof MessageRejection ? value : fromValue(value, frame.length)
    const wrong = parsed instanceof MessageRejection ? parsed : this.#serve(parsed)
    if (wrong !== undefined) this.wire.reject(wrong)
  }

  drained() {
    this.#guarded.drained()
  }

  /** A large message is charged to the principal until its requests have a response. */
  #serve(parsed: Parsed): MessageRejection | undefined {
    if (parsed.bytes < largeMessage) return this.wire.receive(parsed, this.#inbound)
    const held = new Hold(this.#quotas.memory, this.#inbound.principal.key)
    if (held.set(parsed.bytes)) return this.wire.receive(parsed, this.#inbound, held)
    const ids = parsed.messages.flatMap((message) => (isRequest(message) ? message.id : []))
    return new MessageRejection(limitReached, memoryQuotaReached, ids)
  }

  /** The socket has closed. */
  closed() {
    this.#guarded.closed()
    this.wire.close()
  }

  #control(frame: ControlFrame) {
    switch (frame.type) {
      case "ping":
        this.#reply({ type: "pong", ...("data" in frame && { data: frame.data }) })
        return
      case "subscribe": {
        const { channels: wanted } = frame
        if (!Array.isArray(wanted) || !wanted.every(isChannel)) {
          const known = allChannels.join(", ")
          this.#reply(failure("invalid_channels", `channels must be a list of: ${known}`))
          return
        }
        const channels = [...new Set(wanted)]
        this.#reply({ type: "subscribed", channels })
        this.#subscription.listen(channels)
        return
      }
      default:
        this.#reply(failure("unknown_type", "unknown type: use ping or subscribe"))
    }
  }

  #reply(value: unknown) {
    this.#send(JSON.stringify(value))
  }

  #send(text: string) {
    if (this.wire.open) this.#guarded.send(text)
  }
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
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const report = (error: Error) => void log(Effect.logDebug("ws", error.message))
      const scope = yield* Effect.scope
      const later = (run: () => void) =>
        void log(Effect.forkIn(Effect.delay(Effect.sync(run), limits.unreadTimeout), scope))
      const clients = new Set<WebSocketConnection>()
      // The listener closes sockets at twice the message limit, without a reason.
      const backlog: BacklogOptions = {
        mostWaiting: Math.min(limits.mostWaiting, 2 * limits.maxMessageBytes),
        unreadTimeout: limits.unreadTimeout,
        now: () => monotonicMillis(clock)
      }

      const upgrade = (grant: Grant, request: Request, connection: Connection<SocketData>) => {
        if (clients.size >= limits.max) return tooManyOpen("WebSockets")
        const offered = request.headers.get("sec-websocket-protocol")
        if (offered !== null && !offered.split(",").some((name) => name.trim() === subprotocol)) {
          // Bun accepts any offered subprotocol.
          return reject(400, `Bad Request: unsupported subprotocol. Offer ${subprotocol}, or none.`)
        }
        const headers = offered === null ? undefined : { "sec-websocket-protocol": subprotocol }
        if (connection.upgrade({ grant, client: undefined }, headers)) return undefined
        const response = reject(
          426,
          "Invalid WebSocket handshake: send Upgrade: websocket and a Sec-WebSocket-Key of 16 random bytes in base64 " +
            "(RFC 6455, section 4.1)."
        )
        response.headers.set("upgrade", "websocket")
        return response
      }

      const all = (end: (wire: Wire) => Promise<void>) =>
        Effect.promise(() => Promise.all(Array.from(clients, ({ wire }) => end(wire))))

      yield* Effect.addFinalizer(() => all((wire) => wire.end()))
      yield* routes.add<SocketData>({
        paths: ["/mcp/ws"],
        fetch: (request, connection) =>
          withGrant(authenticateStream(authenticator, request, connection, "/mcp/ws"), (grant) =>
            request.method === "GET" ? upgrade(grant, request, connection) : methodNotAllowed("GET")
          ),
        websocket: {
          open: (socket) => {
            const onClose = (closed: WebSocketConnection) => clients.delete(closed)
            const client = new WebSocketConnection({
              socket,
              channels,
              servers,
              authenticator,
              quotas,
              backlog,
              bounds: limits.bounds,
              later,
              report,
              onClose
            })
            socket.data.client = client
            if (client.wire.open) clients.add(client)
          },
          drain: (socket) => socket.data.client?.drained(),
          message: (socket, frame) => socket.data.client?.receive(frame),
          close: (socket) => socket.data.client?.closed()
        },
        drain: all((wire) => wire.finish())
      })
    })
  )
