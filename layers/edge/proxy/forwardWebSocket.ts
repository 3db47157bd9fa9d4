/** Forwards a WebSocket: connects to the target first, then upgrades the client, and passes messages and close codes on. */
import type { Socket, SocketHandlers } from "../../http/Routes.ts"
import { codeOf, isUnreachable } from "../../outbound/pinnedAddress.ts"
import type { Bridge } from "./Bridge.ts"
import { edgeError } from "./errorPages.ts"
import { Exchange, type Exchanges } from "./Exchanges.ts"
import { targetUrl, type Admitted } from "./forwardRequest.ts"

/** Codes that no endpoint sends (RFC 6455, section 7.4.1). */
const unsendable: ReadonlySet<number> = new Set([1004, 1005, 1006, 1015])

/** The code to pass on: `undefined` for a close without a code, 1011 (internal error) for a lost connection to the target. */
const clientCode = (code: number) => (code === 1005 ? undefined : unsendable.has(code) ? 1011 : code)

/** For a lost connection to the client: 1001, going away. */
const targetCode = (code: number) => (code === 1005 ? undefined : unsendable.has(code) ? 1001 : code)

const sizeOf = (message: string | Uint8Array) =>
  typeof message === "string" ? message.length : message.byteLength

const closeClient = (client: Socket<Bridge>, code: number, reason: string) => {
  const sent = clientCode(code)
  if (sent === undefined) client.close()
  else client.close(sent, reason)
}

const closeTarget = ({ target }: Bridge, code: number, reason: string) => {
  if (target.readyState > WebSocket.OPEN) return
  const sent = targetCode(code)
  try {
    if (sent === undefined) target.close()
    else target.close(sent, reason)
  } catch {
    // A code that clients cannot send.
    target.close(1000)
  }
}

/** `maxMessageBytes`: largest message of the target, and, doubled, what may wait for either side. */
export const socketHandlers = (maxMessageBytes: number): SocketHandlers<Bridge> => ({
  open: (socket) => {
    const bridge = socket.data
    bridge.client = socket
    for (const message of bridge.early.splice(0)) socket.send(message)
    if (bridge.closed !== undefined) closeClient(socket, bridge.closed.code, bridge.closed.reason)
  },
  message: ({ close, data }, message) => {
    const { target } = data
    if (target.readyState !== WebSocket.OPEN) return
    if (target.bufferedAmount > 2 * maxMessageBytes) {
      close(1013, "the application reads too slowly")
      return
    }
    target.send(message)
  },
  close: ({ data }, code, reason) => {
    closeTarget(data, code, reason)
    data.ended()
  }
})

/** Receives from the target: messages that come before the client's side is open are buffered. */
const listen = (bridge: Bridge, maxMessageBytes: number) => {
  const { target } = bridge
  const overflow = (code: number, reason: string) => {
    target.close(1000)
    if (bridge.client === undefined) bridge.closed ??= { code, reason }
    else bridge.client.close(code, reason)
  }
  target.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
    const message = typeof data === "string" ? data : new Uint8Array(data)
    const size = sizeOf(message)
    if (size > maxMessageBytes) return overflow(1009, "message too large")
    if (bridge.client !== undefined) {
      bridge.client.send(message)
      return
    }
    bridge.earlySize += size
    if (bridge.earlySize > 2 * maxMessageBytes) return overflow(1013, "too many messages")
    bridge.early.push(message)
  }
}

/** Whether the target has accepted. `rejected`: it has responded in another way; `unreachable`: it has received nothing. */
type Opening = "opened" | "rejected" | "failed" | "unreachable"

const opened = (bridge: Bridge, signal: AbortSignal) =>
  new Promise<Opening>((resolve) => {
    const { target } = bridge
    const abort = () => {
      target.terminate()
      resolve("failed")
    }
    let failure: Opening = "failed"
    signal.addEventListener("abort", abort, { once: true })
    target.onopen = () => resolve("opened")
    // An error is followed by `close`.
    target.onerror = (event) => {
      if (!(event instanceof ErrorEvent)) return
      if (isUnreachable(codeOf(event.error))) failure = "unreachable"
      // Bun reports it as text only.
      else if (event.message.includes("Expected 101 status code")) failure = "rejected"
    }
    target.onclose = ({ code, reason }) => {
      signal.removeEventListener("abort", abort)
      resolve(failure)
      bridge.closed ??= { code, reason }
      if (bridge.client !== undefined) closeClient(bridge.client, code, reason)
    }
  })

/** RFC 6455, section 4.1: distinct tokens. */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** The subprotocols that the client offers; `undefined` if they are malformed. */
const protocolsOf = ({ headers }: Request): Array<string> | undefined => {
  const given = headers.get("sec-websocket-protocol")
  if (given === null) return []
  const protocols = given
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "")
  const isValid = protocols.every((each) => token.test(each)) && new Set(protocols).size === protocols.length
  return isValid ? protocols : undefined
}

export const makeForwardWebSocket =
  (exchanges: Exchanges, maxMessageBytes: number) =>
  async (admitted: Admitted): Promise<Response | undefined> => {
    const { address, application, began, connection, finished, headers, replaceAddress, request } = admitted
    const protocols = protocolsOf(request)
    if (protocols === undefined) {
      finished(400, undefined, undefined)
      return edgeError(request, 400, "Sec-WebSocket-Protocol is malformed.")
    }
    const controller = new AbortController()
    for (const name in headers) if (name.startsWith("sec-websocket-")) delete headers[name]
    const bridgeTo = (to: string): Bridge => {
      const target = new WebSocket(targetUrl(application, request, to).replace(/^http/, "ws"), {
        headers,
        protocols,
        ...(application.tls !== undefined && { tls: application.tls })
      })
      target.binaryType = "arraybuffer"
      const made: Bridge = {
        target,
        client: undefined,
        early: [],
        earlySize: 0,
        closed: undefined,
        ended: () => end(101)
      }
      listen(made, maxMessageBytes)
      return made
    }
    let done = false
    const end = (status: number) => {
      if (done) return
      done = true
      request.signal.removeEventListener("abort", clientGone)
      exchanges.remove(exchange)
      unfollow?.()
      finished(status, undefined, exchange.why)
    }
    let bridge = bridgeTo(address)
    const exchange = new Exchange(application, (why) => {
      controller.abort(why)
      bridge.client?.close(why === "removed" || why === "revoked" ? 1008 : 1001, why)
      bridge.target.terminate()
    })
    const clientGone = () => exchange.end("client")
    exchange.deadline = performance.now() + application.responseTimeout
    const unfollow = admitted.follow?.(() => exchange.end("revoked"))
    exchanges.add(exchange)
    request.signal.addEventListener("abort", clientGone, { once: true })
    connection.keepOpen()
    const open = async (): Promise<Opening> => {
      const first = await opened(bridge, controller.signal)
      if (first !== "unreachable") return first
      const other = await replaceAddress(address)
      if (other === undefined || controller.signal.aborted) return first
      bridge = bridgeTo(other)
      return opened(bridge, controller.signal)
    }
    const opening = await open()
    const now = performance.now()
    if (opening === "opened" || opening === "rejected") application.circuit.succeeded(now)
    else if (exchange.why === undefined || exchange.why === "timeout") application.circuit.failed(now, began)
    if (opening !== "opened") {
      const status = exchange.why === "timeout" ? 504 : 502
      end(status)
      const when = status === 504 ? " in time" : ""
      return edgeError(request, status, `The application did not accept the WebSocket${when}.`)
    }
    // From here on, pings of the listener detect a lost client.
    exchange.deadline = Infinity
    exchange.begun = true
    request.signal.removeEventListener("abort", clientGone)
    const { protocol } = bridge.target
    if (connection.upgrade(bridge, protocol === "" ? undefined : { "sec-websocket-protocol": protocol }))
      return undefined
    bridge.target.close(1000)
    end(400)
    return edgeError(request, 502, "The connection could not be upgraded to a WebSocket.")
  }
