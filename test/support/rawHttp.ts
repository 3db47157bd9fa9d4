/** Raw HTTP over TCP, for requests that client libraries do not send. */
import { connect } from "node:net"
import { connect as connectTls } from "node:tls"

export interface Reply {
  /** 0 if the server closed without a response. */
  readonly status: number
  /** The status line and the headers, as received. */
  readonly head: string
  readonly body: string
}

const none: Reply = { status: 0, head: "", body: "" }

export const header = ({ head }: Reply, name: string): string | undefined =>
  new RegExp(`^${name}: *(.*)$`, "im").exec(head)?.[1]?.trim()

/** The first complete response in the received bytes, and the bytes after it. */
const first = (received: string): readonly [Reply, string] | undefined => {
  const split = received.indexOf("\r\n\r\n")
  if (split === -1) return undefined
  const head = received.slice(0, split)
  const rest = received.slice(split + 4)
  const reply = { status: Number(head.slice(9, 12)), head, body: "" }
  const length = header(reply, "content-length")
  if (length !== undefined) {
    const end = Number(length)
    return rest.length < end ? undefined : [{ ...reply, body: rest.slice(0, end) }, rest.slice(end)]
  }
  if (header(reply, "transfer-encoding") === "chunked") {
    const end = rest.indexOf("0\r\n\r\n")
    return end === -1 ? undefined : [{ ...reply, body: rest.slice(0, end) }, rest.slice(end + 5)]
  }
  return [reply, rest]
}

/** A connection that stays open: `next` is the next response, `closed` the end of the connection. */
export const dial = (port: number) => {
  const socket = connect(port, "127.0.0.1")
  let received = ""
  let over = false
  let wake = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  const stir = () => {
    wake.resolve()
    wake = Promise.withResolvers()
  }
  socket.setEncoding("latin1")
  socket.on("data", (chunk) => {
    received += chunk
    stir()
  })
  // A reset counts as closed.
  socket.on("error", () => {})
  socket.on("close", () => {
    over = true
    closed.resolve()
    stir()
  })
  return {
    write: (bytes: string) => void socket.write(bytes, "latin1"),
    next: async (): Promise<Reply> => {
      for (;;) {
        const found = first(received)
        if (found !== undefined) {
          received = found[1]
          return found[0]
        }
        if (over) return none
        await wake.promise
      }
    },
    closed: closed.promise,
    /** Reads no more, so that what the server sends waits. */
    pause: () => void socket.pause(),
    /** Ends the sending side. */
    finish: () => void socket.end(),
    end: () => void socket.destroy()
  }
}

/** Sends the bytes; resolves with the response once it is complete, or the server has closed. */
export const raw = async (port: number, bytes: string): Promise<Reply> => {
  const connection = dial(port)
  connection.write(bytes)
  const reply = await connection.next()
  connection.end()
  return reply
}

/** Most attempts to connect while listeners are replaced. */
const mostAttempts = 5

/**
 * The response to one request over TLS, as text. The certificate does not matter. As clients do, it connects again if a listener
 * that was replaced closes before the handshake.
 */
export const rawOverTls = (
  port: number,
  servername: string,
  head: ReadonlyArray<string>,
  attempt = 1
): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ""
    let isConnected = false
    const lines = [...head, "Connection: close", "", ""].join("\r\n")
    const socket = connectTls({ host: "127.0.0.1", port, servername, rejectUnauthorized: false }, () => {
      isConnected = true
      socket.write(lines)
    })
    socket.on("data", (bytes) => (text += bytes.toString()))
    socket.on("error", (error) => {
      if (isConnected || attempt === mostAttempts) reject(error)
      else resolve(rawOverTls(port, servername, head, attempt + 1))
    })
    socket.on("close", (hadError) => {
      if (!hadError) resolve(text)
    })
  })
