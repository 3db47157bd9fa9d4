/** Transport to an MCP server over WebSocket: JSON-RPC in text frames, with the subprotocol `mcp`. */
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/client"
import { Effect, Fiber } from "effect"
import type { Route } from "./callerFetch.ts"
import { idOfPart, MessageTooLarge } from "./PendingRequests.ts"
import { PostError } from "./postRequest.ts"

export interface WebSocketOptions {
  /** `ws:` or `wss:`. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  /** Checks the URL, and says where to connect. Absent: to the URL, unchecked. */
  readonly route?: ((url: string | URL) => Route | Promise<Route>) | undefined
  /**
   * Maximum message size in bytes: a larger one fails the request that it answers, or ends the connection if that is unknown. Also
   * of messages that wait to be sent, more of which end the connection.
   */
  readonly maxMessageBytes: number
}

/** A connection without a pong or a message for this long is lost: its server hangs, or the network is gone. */
const pingInterval = "30 seconds"

/** Maximum time that a closing handshake takes. */
const closingTime = "2 seconds"

/** RFC 6455, section 7.4.1. */
const unsupportedData = 1003
const tooLarge = 1009

/** Characters at the start and at the end of a message that is too large in which its id is searched. */
const edge = 256

const withScheme = (url: string | URL, scheme: string) => String(url).replace(/^\w+/, scheme)

/** The URL to connect to, and the headers that belong to it. */
const routed = async ({ route, url }: WebSocketOptions): Promise<Route> => {
  if (route === undefined) return { url: url.href, headers: {} }
  const secure = url.protocol === "wss:"
  const to = await route(withScheme(url, secure ? "https" : "http"))
  return { ...to, url: withScheme(to.url, secure ? "wss" : "ws") }
}

/** Bun reports a rejected handshake and an unreachable server as texts only. */
const handshakeError = (text: string): Error => {
  const [, status] = /Expected 101 status code: (\d{3})/.exec(text) ?? []
  if (status !== undefined) {
    const detail = `the server rejected the WebSocket handshake (HTTP ${status})`
    return new PostError({ status: Number(status), detail })
  }
  const [code] = /\bE[A-Z]{4,}\b/.exec(text) ?? []
  return Object.assign(new Error(text), { code: code ?? "FailedToOpenSocket" })
}

export const webSocketTransport = (options: WebSocketOptions): Transport => {
  const { headers, maxMessageBytes } = options
  let socket: WebSocket | undefined
  let alive = true
  let pinging: Fiber.Fiber<void> | undefined

  /** Ends a connection whose peer does not answer pings. */
  const keepAlive = (open: WebSocket) =>
    Effect.gen(function* () {
      for (;;) {
        alive = false
        open.ping()
        yield* Effect.sleep(pingInterval)
        if (!alive) return open.terminate()
      }
    })

  const receive = (open: WebSocket, data: unknown) => {
    alive = true
    if (typeof data !== "string") {
      transport.onerror?.(new Error("The server sent a binary message."))
      return open.close(unsupportedData)
    }
    // Text of n UTF-16 units has at least n bytes.
    if (data.length > maxMessageBytes) {
      const id = idOfPart(data.slice(0, edge), data.slice(-edge))
      transport.onerror?.(new MessageTooLarge({ maxBytes: maxMessageBytes, ...(id !== undefined && { id }) }))
      return id === undefined ? open.close(tooLarge) : undefined
    }
    let message: unknown
    try {
      message = JSON.parse(data)
    } catch {
      transport.onerror?.(new Error("The server sent a message that is not JSON."))
      return
    }
    // Both the connection and the SDK check its shape.
    transport.onmessage?.(message as JSONRPCMessage)
  }

  const transport: Transport = {
    start: async () => {
      const { headers: routing, tls, url } = await routed(options)
      const open = new WebSocket(url, {
        headers: { ...headers, ...routing },
        protocols: ["mcp"],
        perMessageDeflate: false,
        ...(tls !== undefined && { tls })
      })
      socket = open
      const opened = Promise.withResolvers<void>()
      open.addEventListener("open", () => {
        pinging = Effect.runFork(keepAlive(open))
        opened.resolve()
      })
      // Only the first event before `open` matters.
      open.addEventListener("error", (event) => {
        const text = event instanceof ErrorEvent ? event.message : "the WebSocket failed"
        opened.reject(handshakeError(text))
      })
      open.addEventListener("pong", () => (alive = true))
      open.addEventListener("message", ({ data }) => receive(open, data))
      open.addEventListener("close", () => {
        opened.reject(handshakeError("the WebSocket was closed during its handshake"))
        if (pinging !== undefined) Effect.runFork(Fiber.interrupt(pinging))
        transport.onclose?.()
      })
      await opened.promise
    },
    send: async (message) => {
      if (socket === undefined || socket.readyState !== WebSocket.OPEN) {
        throw Object.assign(new Error("the WebSocket is closed"), { code: "FailedToOpenSocket" })
      }
      if (socket.bufferedAmount > maxMessageBytes) {
        socket.terminate()
        throw new Error("the server reads its messages too slowly")
      }
      socket.send(JSON.stringify(message))
    },
    close: async () => {
      const open = socket
      if (open === undefined || open.readyState === WebSocket.CLOSED) return
      open.close()
      Effect.runFork(
        Effect.delay(
          Effect.sync(() => open.terminate()),
          closingTime
        )
      )
    }
  }
  return transport
}
