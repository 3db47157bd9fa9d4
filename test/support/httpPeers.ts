/** Servers on sockets for tests of the HTTP/1.1 client, and the client. */
import { afterEach } from "bun:test"
import { Http1Client, type Http1Options, type Http1Request } from "../../layers/platform/http1/Http1Client.ts"

export interface Connected {
  readonly number: number
  received: string
  /** Requests on this connection. */
  requests: number
  /** Bytes that the system has not accepted. */
  unsent: Buffer
  readonly ended: PromiseWithResolvers<void>
}

export type Peer = Bun.Socket<Connected>

const listeners: Array<Bun.TCPSocketListener<Connected>> = []

export const stopListeners = () => {
  for (const listener of listeners.splice(0)) listener.stop(true)
}
afterEach(stopListeners)

/** All that is written arrives, also if the client reads slowly. */
export const put = (peer: Peer, bytes: Buffer | string) => {
  peer.data.unsent = Buffer.concat([peer.data.unsent, Buffer.from(bytes as string, "latin1")])
  const written = peer.write(peer.data.unsent)
  peer.data.unsent = peer.data.unsent.subarray(Math.max(written, 0))
}

/** A server that calls `answer` with each complete request. */
export const serve = (answer: (peer: Peer, request: string) => void) => {
  const peers: Array<Peer> = []
  const listener = Bun.listen<Connected>({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      open: (peer) => {
        const ended = Promise.withResolvers<void>()
        peer.data = { number: peers.length, received: "", requests: 0, unsent: Buffer.alloc(0), ended }
        peers.push(peer)
      },
      data: (peer, bytes) => {
        const { data } = peer
        data.received += bytes.toString("latin1")
        for (;;) {
          const end = data.received.indexOf("\r\n\r\n")
          if (end < 0) return
          const length = Number(/content-length: (\d+)/.exec(data.received)?.[1] ?? 0)
          const size = end + 4 + length
          if (data.received.length < size) return
          const request = data.received.slice(0, size)
          data.received = data.received.slice(size)
          data.requests++
          answer(peer, request)
        }
      },
      drain: (peer) => put(peer, ""),
      close: (peer) => peer.data.ended.resolve()
    }
  })
  listeners.push(listener)
  return { port: listener.port, peers }
}

export const client = (port: number, options: Partial<Http1Options> = {}) => {
  // These servers keep connections; without a time limit, no test depends on it.
  const http = new Http1Client({ closesWithin: 0, ...options })
  return (given: Partial<Http1Request> = {}) =>
    http.request({
      hostname: "127.0.0.1",
      port,
      method: "POST",
      target: "/",
      host: "test",
      headers: [],
      body: undefined,
      signal: undefined,
      checkOf: undefined,
      ...given
    })
}

export const response = (body: string, ...fields: ReadonlyArray<string>) =>
  ["HTTP/1.1 200 OK", `content-length: ${body.length}`, ...fields, "", body].join("\r\n")

export const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
export const chunked = (type = "text/event-stream") =>
  `HTTP/1.1 200 OK\r\ncontent-type: ${type}\r\ntransfer-encoding: chunked\r\n\r\n`

/** The message of the error. */
export const errorOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => (error instanceof Error ? error.message : String(error))
  )

export const readerOf = ({ body }: Response) => {
  const reader = body?.getReader()
  if (reader === undefined) throw new Error("the response has no body")
  return reader
}
