/** One HTTP/1.1 connection over TCP: requests one after another, without pipelining. */
import { type BodyCheck, ResponseReader } from "./ResponseReader.ts"
import { InvalidResponse, type ResponseHead } from "./ResponseParser.ts"

export interface Http1Exchange {
  readonly method: string
  /** The whole request. */
  readonly text: string | Uint8Array
  readonly signal: AbortSignal | undefined
  readonly checkOf: ((head: ResponseHead) => BodyCheck) | undefined
}

export interface ConnectionEvents {
  /** The response is an event stream, which may last. */
  readonly onEventStream: (connection: Http1Connection) => void
  /** The connection can be used for another request. */
  readonly onFree: (connection: Http1Connection) => void
  readonly onClose: (connection: Http1Connection) => void
}

/** Milliseconds of silence before TCP asks whether the server is still there. */
const keepAliveDelay = 60_000

type Socket = Bun.Socket<Http1Connection>

/** The handlers of all sockets. */
const handlers: Bun.SocketHandler<Http1Connection> = {
  open: (socket) => socket.data.opened(socket),
  // What a socket receives is not shared memory, which the type does not say.
  data: (socket, bytes) => socket.data.received(bytes as Buffer<ArrayBuffer>),
  drain: (socket) => socket.data.drained(),
  end: (socket) => socket.data.ended(),
  close: (socket, error) => socket.data.closed(error),
  error: (socket, error) => socket.data.closed(error)
}

export class Http1Connection {
  /** When it became free, in milliseconds of `performance.now()`. */
  freeSince = 0
  /** Milliseconds that the server keeps it open while it is free, if it says so. */
  keptFor: number | undefined
  #wasKept = false
  readonly #events: ConnectionEvents
  #socket: Socket | undefined
  #reader: ResponseReader | undefined
  #stopListening = () => {}
  /** The part of the request that the system has not accepted. */
  #unsent: Uint8Array | undefined
  #hasBegun = false
  #isClosed = false
  #isPaused = false

  constructor(events: ConnectionEvents) {
    this.#events = events
  }

  /** Rejects with the error of the system, such as `ECONNREFUSED`. */
  async connect(hostname: string, port: number): Promise<void> {
    await Bun.connect<Http1Connection>({ hostname, port, data: this, socket: handlers })
  }

  /** `undefined`: the connection is closed, and nothing was sent. */
  send({ checkOf, method, signal, text }: Http1Exchange): Promise<Response> | undefined {
    const socket = this.#socket
    if (socket === undefined || this.#isClosed) return undefined
    socket.ref()
    const written = socket.write(text)
    if (written < 0) {
      this.close()
      return undefined
    }
    const size = typeof text === "string" ? Buffer.byteLength(text) : text.byteLength
    if (written < size) this.#unsent = (typeof text === "string" ? Buffer.from(text) : text).subarray(written)
    // The body may be read, or dropped, when the connection has another request.
    const isCurrent = () => this.#reader === reader
    const reader: ResponseReader = new ResponseReader({
      method,
      checkOf,
      onEventStream: () => this.#events.onEventStream(this),
      pause: () => isCurrent() && this.#pause(),
      resume: () => isCurrent() && this.#resume(),
      cancel: () => isCurrent() && this.close()
    })
    this.#reader = reader
    this.#hasBegun = false
    if (signal !== undefined) {
      const abort = () => this.#fail(signal.reason)
      signal.addEventListener("abort", abort, { once: true })
      this.#stopListening = () => signal.removeEventListener("abort", abort)
    }
    return reader.response
  }

  /** Whether anything of the last response has arrived. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Whether the server may have closed it: it had a response, or was free for a time. */
  get wasKept(): boolean {
    return this.#wasKept
  }

  /** Drops the running request. */
  close(): void {
    this.#close((socket) => socket.terminate())
  }

  /** Ends a connection without a request. */
  end(): void {
    this.#close((socket) => socket.end())
  }

  /** Keeps the connection for another request; the process may end meanwhile. */
  keep(): void {
    this.freeSince = performance.now()
    this.#wasKept = true
    this.#socket?.unref()
  }

  opened(socket: Socket): void {
    this.#socket = socket
    socket.setNoDelay(true)
    // A stream may be silent for long; a server that vanished is noticed.
    socket.setKeepAlive(true, keepAliveDelay)
  }

  received(bytes: Buffer<ArrayBuffer>): void {
    const reader = this.#reader
    // Without a request nothing may come.
    if (reader === undefined) return this.close()
    this.#hasBegun = true
    try {
      reader.push(bytes)
    } catch (cause) {
      return this.#fail(cause)
    }
    if (reader.isDone) this.#finish(reader)
  }

  drained(): void {
    const unsent = this.#unsent
    if (unsent === undefined) return
    const written = this.#socket?.write(unsent) ?? -1
    if (written > 0) this.#unsent = written < unsent.byteLength ? unsent.subarray(written) : undefined
  }

  ended(): void {
    const reader = this.#reader
    try {
      reader?.close()
    } catch (cause) {
      return this.#fail(cause)
    }
    this.close()
  }

  closed(error: Error | undefined): void {
    if (this.#isClosed) return
    if (error === undefined) return this.ended()
    // Without the code of the system: those of a failed connection mean that nothing was sent.
    const when = this.#hasBegun ? "within" : "before"
    this.#fail(
      new InvalidResponse({ detail: `the connection failed ${when} its response: ${error.message}` })
    )
  }

  #finish({ head, keepAlive }: ResponseReader): void {
    // A server may respond before it has read the whole request.
    if (this.#unsent !== undefined) return this.close()
    if (!keepAlive) return this.end()
    this.keptFor = head?.keptFor === undefined ? undefined : head.keptFor * 1000
    this.#forget()
    this.#resume()
    this.#wasKept = true
    this.#events.onFree(this)
  }

  #close(end: (socket: Socket) => void): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#forget()
    this.#unsent = undefined
    if (this.#socket !== undefined) end(this.#socket)
    this.#events.onClose(this)
  }

  #fail(cause: unknown): void {
    const reader = this.#reader
    this.close()
    reader?.fail(cause)
  }

  #forget(): void {
    this.#reader = undefined
    this.#stopListening()
    this.#stopListening = () => {}
  }

  #pause(): void {
    if (this.#isPaused) return
    this.#isPaused = true
    this.#socket?.pause()
  }

  #resume(): void {
    if (!this.#isPaused) return
    this.#isPaused = false
    this.#socket?.resume()
  }
}
