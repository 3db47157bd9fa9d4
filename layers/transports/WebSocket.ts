/** MCP over WebSocket on `/mcp/ws`, every era: JSON-RPC in text frames, and a few frames of our own beside it. */
import { Effect, Layer } from "effect"
import { isObject } from "../../src/domain/JsonObject.ts"
import { channels as allChannels, Channels, isChannel } from "../events/Channels.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection, type Socket } from "../http/Routes.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import type { Ended, Grant } from "../identity/Grant.ts"
import { McpServers, type Inbound } from "./McpServers.ts"
import { fromValue, toValue, Unreadable } from "./messages.ts"
import { identify, reject, withGrant } from "./requests.ts"
import type { StreamLimits } from "./StreamLimits.ts"
import { Wire } from "./Wire.ts"

/** The subprotocol that MCP clients offer. */
const subprotocol = "mcp"

/** Frames of our own have a `type` and no `jsonrpc`. */
type ControlFrame = Readonly<Record<string, unknown>> & { readonly type: string }

const isControl = (value: unknown): value is ControlFrame =>
  isObject(value) && typeof value.type === "string" && !("jsonrpc" in value)

const failure = (code: string, message: string) => ({ type: "error", error: { code, message } })

/** What the route keeps for a socket. */
interface SocketData {
  readonly grant: Grant
  client: Client | undefined
}

interface ClientOptions {
  readonly socket: Socket<SocketData>
  readonly channels: Channels["Service"]
  readonly servers: McpServers["Service"]
  readonly authenticator: Authenticator["Service"]
  readonly mostWaiting: number
  readonly report: (error: Error) => void
  readonly onClose: (client: Client) => void
}

const expiry: Readonly<Record<Ended, string>> = {
  expired: "the token has expired",
  revoked: "the token is no longer valid"
}

/** One client: its MCP connection and its subscription, which end with the socket or with its credential. */
class Client {
  readonly wire: Wire
  readonly #socket: Socket<SocketData>
  readonly #mostWaiting: number
  readonly #subscription: ReturnType<Channels["Service"]["subscribeUnsafe"]>
  /** What each message arrives with: the credential of the socket, as it is now. */
  #inbound: Inbound

  constructor({ authenticator, channels, mostWaiting, onClose, report, servers, socket }: ClientOptions) {
    const { grant } = socket.data
    this.#socket = socket
    this.#mostWaiting = mostWaiting
    this.#inbound = { principal: grant.principal }
    const pipe = {
      write: (message: string) => this.#send(message),
      close: () => {
        unfollow()
        this.#subscription.end()
        onClose(this)
        socket.close(1001, "the server ends the connection")
      }
    }
    this.wire = new Wire(pipe, servers, report)
    this.#subscription = channels.subscribeUnsafe(grant.principal, [], (channel, json) => {
      this.#send(`{"type":"event","channel":"${channel}","data":${json}}`)
    })
    const unfollow = authenticator.follow(grant, {
      changed: ({ principal }) => {
        this.#inbound = { principal }
      },
      // RFC 6455, section 7.4.1: policy violation.
      ended: (why) => this.leave(1008, expiry[why])
    })
  }

  receive(frame: string | Uint8Array) {
    if (typeof frame !== "string") {
      this.leave(1003, "MCP is text: send text frames")
      return
    }
    const value = toValue(frame)
    if (isControl(value)) {
      this.#control(value)
      return
    }
    const parsed = value instanceof Unreadable ? value : fromValue(value)
    const wrong = parsed instanceof Unreadable ? parsed : this.wire.receive(parsed, this.#inbound)
    if (wrong !== undefined) this.wire.reject(wrong)
  }

  /** Closes with a code of its own; what runs is interrupted. */
  leave(code: number, reason: string) {
    this.#socket.close(code, reason)
    this.wire.close()
  }

  #control(frame: ControlFrame) {
    switch (frame.type) {
      case "ping":
        try {
          this.#answer({ type: "pong", ...("data" in frame && { data: frame.data }) })
        } catch {
          // What JSON.parse can read, JSON.stringify need not be able to write.
          this.#answer(failure("invalid_data", "data is nested too deeply"))
        }
        return
      case "subscribe": {
        const { channels: wanted } = frame
        if (!Array.isArray(wanted) || !wanted.every(isChannel)) {
          const known = allChannels.join(", ")
          this.#answer(failure("invalid_channels", `channels must be a list of some of: ${known}`))
          return
        }
        const channels = [...new Set(wanted)]
        this.#answer({ type: "subscribed", channels })
        this.#subscription.listen(channels)
        return
      }
      default:
        this.#answer(failure("unknown_type", "type must be ping or subscribe; MCP messages have none"))
    }
  }

  #answer(value: unknown) {
    this.#send(JSON.stringify(value))
  }

  /** Does not wait for a slow reader: the next one too many closes the socket. */
  #send(text: string) {
    if (!this.wire.open) return
    if (this.#socket.waiting() <= this.#mostWaiting && this.#socket.send(text)) return
    this.leave(1013, "the client reads too slowly")
  }
}

export const layer = (limits: StreamLimits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const channels = yield* Channels
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const report = (error: Error) => void log(Effect.logDebug("ws", error.message))
      const clients = new Set<Client>()
      // At twice a message the listener cuts sockets itself, without a reason.
      const mostWaiting = Math.min(limits.mostWaiting, 2 * limits.maxMessageBytes)

      const upgrade = (grant: Grant, request: Request, connection: Connection<SocketData>) => {
        if (clients.size >= limits.max) return tooManyOpen("WebSockets")
        const offered = request.headers.get("sec-websocket-protocol")
        if (offered !== null && !offered.split(",").some((name) => name.trim() === subprotocol)) {
          // Bun would agree to whatever is offered.
          return reject(400, `Bad Request: offer the subprotocol ${subprotocol}, or none.`)
        }
        const headers = offered === null ? undefined : { "sec-websocket-protocol": subprotocol }
        if (connection.upgrade({ grant, client: undefined }, headers)) return undefined
        const response = reject(
          426,
          "Not a valid WebSocket handshake: Upgrade: websocket and a Sec-WebSocket-Key of 16 random bytes in base64 " +
            "are needed (RFC 6455, section 4.1)."
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
          withGrant(identify(authenticator, request, connection, "/mcp/ws"), (grant) =>
            request.method === "GET" ? upgrade(grant, request, connection) : methodNotAllowed("GET")
          ),
        websocket: {
          open: (socket) => {
            const onClose = (closed: Client) => clients.delete(closed)
            const client = new Client({
              socket,
              channels,
              servers,
              authenticator,
              mostWaiting,
              report,
              onClose
            })
            socket.data.client = client
            clients.add(client)
          },
          message: (socket, frame) => socket.data.client?.receive(frame),
          close: (socket) => void socket.data.client?.wire.close()
        },
        drain: all((wire) => wire.finish())
      })
    })
  )
