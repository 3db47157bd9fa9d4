/** MCP over WebSocket on `/mcp/ws`, every era: JSON-RPC in text frames, and a few frames of our own beside it. */
import { Effect, Layer } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import { Authenticator } from "../identity/Authenticator.ts"
import { methodNotAllowed, tooManyOpen } from "../http/responses.ts"
import { Routes, type Connection, type Socket } from "../http/Routes.ts"
import { Channels, channels as allChannels, isChannel } from "../events/Channels.ts"
import type { Limits } from "./LegacySse.ts"
import { McpServers } from "./McpServers.ts"
import { errorMessage, fromValue, isObject, toValue, Unreadable } from "./messages.ts"
import { identify, refusal } from "./requests.ts"
import { Wire } from "./Wire.ts"

/** The subprotocol that MCP clients offer. */
const subprotocol = "mcp"

/** Frames of our own have a `type` and no `jsonrpc`. */
type ControlFrame = Readonly<Record<string, unknown>> & { readonly type: string }

const isControl = (value: unknown): value is ControlFrame =>
  isObject(value) && typeof value.type === "string" && !("jsonrpc" in value)

const failure = (code: string, message: string) => ({ type: "error", error: { code, message } })

/** What the route keeps for a socket. */
interface Seat {
  readonly principal: Principal
  client: Client | undefined
}

/** One client: its MCP connection and its subscription, which end with the socket. */
class Client {
  readonly wire: Wire
  readonly #socket: Socket<Seat>
  readonly #mostWaiting: number
  readonly #subscription: ReturnType<Channels["Service"]["subscribeUnsafe"]>

  constructor(
    socket: Socket<Seat>,
    channels: Channels["Service"],
    mostWaiting: number,
    onClose: (client: Client) => void
  ) {
    this.#socket = socket
    this.#mostWaiting = mostWaiting
    this.wire = new Wire({
      write: (message) => this.#send(message),
      close: () => {
        this.#subscription.end()
        onClose(this)
        socket.close(1001, "the server ends the connection")
      }
    })
    this.#subscription = channels.subscribeUnsafe(socket.data.principal, [], (channel, json) => {
      this.#send(`{"type":"event","channel":"${channel}","data":${json}}`)
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
    const wrong = parsed instanceof Unreadable ? parsed : this.wire.receive(parsed)
    if (wrong !== undefined) this.#answer(errorMessage(wrong.code, wrong.message))
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

export const layer = (limits: Limits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const servers = yield* McpServers
      const channels = yield* Channels
      const log = Effect.runForkWith(yield* Effect.context<never>())
      const clients = new Set<Client>()
      // At twice a message the listener cuts sockets itself, without a word.
      const mostWaiting = Math.min(limits.mostWaiting, 2 * limits.maxMessageBytes)

      const upgrade = (principal: Principal, request: Request, connection: Connection<Seat>) => {
        if (clients.size >= limits.max) return tooManyOpen("WebSockets")
        const offered = request.headers.get("sec-websocket-protocol")
        if (offered !== null && !offered.split(",").some((name) => name.trim() === subprotocol)) {
          // Bun would agree to whatever is offered.
          return refusal(400, -32000, `Bad Request: offer the subprotocol ${subprotocol}, or none.`)
        }
        const headers = offered === null ? undefined : { "sec-websocket-protocol": subprotocol }
        if (connection.upgrade({ principal, client: undefined }, headers)) return undefined
        const response = refusal(
          426,
          -32000,
          "Upgrade Required: this is a WebSocket (RFC 6455, section 4.1)."
        )
        response.headers.set("upgrade", "websocket")
        return response
      }

      const all = (end: (wire: Wire) => Promise<void>) =>
        Effect.promise(() => Promise.all(Array.from(clients, ({ wire }) => end(wire))))

      yield* Effect.addFinalizer(() => all((wire) => wire.end()))
      yield* routes.add<Seat>({
        paths: ["/mcp/ws"],
        fetch: (request, connection) => {
          const principal = identify(authenticator, request, connection)
          if (principal instanceof Response) return principal
          return request.method === "GET" ? upgrade(principal, request, connection) : methodNotAllowed("GET")
        },
        websocket: {
          open: (socket) => {
            const client = new Client(socket, channels, mostWaiting, () => clients.delete(client))
            socket.data.client = client
            clients.add(client)
            client.wire.serve(servers, socket.data.principal, (error) =>
              log(Effect.logDebug("ws", error.message))
            )
          },
          message: (socket, frame) => socket.data.client?.receive(frame),
          close: (socket) => void socket.data.client?.wire.close()
        },
        drain: all((wire) => wire.finish())
      })
    })
  )
