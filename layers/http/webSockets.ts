/** WebSockets of a listener: dispatches Bun's events to the handlers of each socket's route or site. */
import type { Socket, SocketHandlers } from "./Routes.ts"

/** Data of a socket in Bun: the handlers, their data, and the socket in the form that handlers get. */
export interface Upgraded {
  readonly handlers: SocketHandlers<unknown>
  readonly data: unknown
  socket?: Socket<unknown>
}

/** Shorter messages, in UTF-16 units or bytes, cost more to compress than they save. */
const worthCompressing = 1024

/**
 * Seconds. Bun sends a ping 16 s before, or 4 s for less than 16, and closes a socket that has sent nothing by then. Proxies close
 * connections that are silent for 60 s.
 */
const usualIdle = 40

const toSocket = (ws: Bun.ServerWebSocket<Upgraded>): Socket<unknown> => ({
  data: ws.data.data,
  waiting: () => ws.getBufferedAmount(),
  send: (message) => ws.send(message, message.length >= worthCompressing) !== 0,
  close: (code, reason) => ws.close(code, reason),
  terminate: () => ws.terminate()
})

/**
 * @param maxMessageBytes longest message in either direction; a socket on which twice as much waits is closed
 * @param onDefect called with what a handler threw
 * @param idleTimeout seconds without a frame of the client after which its socket is closed
 */
export const make = (
  maxMessageBytes: number,
  onDefect: (cause: unknown) => void,
  idleTimeout = usualIdle
) => {
  const open = new Set<Bun.ServerWebSocket<Upgraded>>()

  const run = (ws: Bun.ServerWebSocket<Upgraded>, handle: (socket: Socket<unknown>) => void) => {
    try {
      handle((ws.data.socket ??= toSocket(ws)))
    } catch (cause) {
      onDefect(cause)
      ws.close(1011, "internal error")
    }
  }

  const handlers = {
    // Holds for what a compressed message becomes.
    maxPayloadLength: maxMessageBytes,
    perMessageDeflate: true,
    idleTimeout,
    backpressureLimit: 2 * maxMessageBytes,
    closeOnBackpressureLimit: true,
    open: (ws) => {
      open.add(ws)
      run(ws, (socket) => ws.data.handlers.open?.(socket))
    },
    message: (ws, message) => run(ws, (socket) => ws.data.handlers.message(socket, message)),
    drain: (ws) => run(ws, (socket) => ws.data.handlers.drain?.(socket)),
    close: (ws, code, reason) => {
      open.delete(ws)
      run(ws, (socket) => ws.data.handlers.close?.(socket, code, reason))
    }
  } satisfies Bun.WebSocketHandler<Upgraded>

  return {
    handlers,
    /** Open WebSockets. */
    count: () => open.size,
    /** Closes all sockets with 1001, going away (RFC 6455, section 7.4.1). */
    closeAll: () => {
      for (const ws of open) ws.close(1001, "server shutdown")
    }
  }
}
