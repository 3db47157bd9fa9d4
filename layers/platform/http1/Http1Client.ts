/**
 * HTTP/1.1 client without TLS, which keeps connections open. Bun's `fetch` runs in another thread: for a short request to a
 * near server the two changes of threads take longer than everything else.
 */
import { Http1Connection, type Http1Exchange } from "./Http1Connection.ts"
import { requestText, type RequestParts } from "./requestText.ts"

export interface Http1Request extends RequestParts, Pick<Http1Exchange, "signal" | "checkOf"> {
  /** An IP address, without brackets, or a name. */
  readonly hostname: string
  readonly port: number
}

export interface Http1Options {
  /** Most connections to one address; further requests wait. */
  readonly maxConnections: number
  /** Most of them that are kept open without a request. */
  readonly maxFree: number
  /** Milliseconds that they are kept. Less than servers do, which otherwise close them while the next request is sent. */
  readonly keepFor: number
  /** Interval of the check for connections that were free for too long, in milliseconds. */
  readonly sweepEvery: number
}

const usual: Http1Options = { maxConnections: 1024, maxFree: 64, keepFor: 4000, sweepEvery: 1000 }

/** Milliseconds before the time that a server announces. */
const margin = 1000

/** Requests that are safe to repeat (RFC 9110, section 9.2.2), if the server closes a connection that it has kept. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

interface Waiting {
  readonly begin: () => void
}

/** Connections to one address. */
class Origin {
  readonly #hostname: string
  readonly #port: number
  readonly #options: Http1Options
  readonly #onFree: () => void
  readonly #free: Array<Http1Connection> = []
  readonly #waiting = new Set<Waiting>()
  #count = 0

  constructor(hostname: string, port: number, options: Http1Options, onFree: () => void) {
    this.#hostname = hostname
    this.#port = port
    this.#options = options
    this.#onFree = onFree
  }

  get isUnused(): boolean {
    return this.#count === 0 && this.#waiting.size === 0
  }

  /** Closes connections that were free for too long. */
  sweep(now: number): void {
    for (const each of this.#free.filter((one) => this.#isOld(one, now))) each.end()
  }

  async send(exchange: Http1Exchange): Promise<Response> {
    const { method, signal } = exchange
    for (;;) {
      signal?.throwIfAborted()
      const kept = this.#take()
      if (kept !== undefined) {
        const response = kept.send(exchange)
        if (response === undefined) continue
        if (!repeatable.has(method)) return response
        const first = await response.catch((cause: unknown) => {
          if (kept.hasBegun || signal?.aborted === true) throw cause
          return undefined
        })
        if (first !== undefined) return first
        continue
      }
      if (this.#count < this.#options.maxConnections) {
        const response = (await this.#connect(signal)).send(exchange)
        if (response !== undefined) return response
        continue
      }
      await this.#wait(signal)
    }
  }

  /** The connection that was used last, because the others may become old. */
  #take(): Http1Connection | undefined {
    const now = performance.now()
    for (;;) {
      const each = this.#free.pop()
      if (each === undefined || !this.#isOld(each, now)) return each
      each.end()
    }
  }

  #isOld({ freeSince, keptFor = Infinity }: Http1Connection, now: number): boolean {
    return now - freeSince > Math.min(this.#options.keepFor, keptFor - margin)
  }

  async #open(): Promise<Http1Connection> {
    this.#count++
    const connection = new Http1Connection({
      onFree: (each) => this.#release(each),
      onClose: (each) => {
        const at = this.#free.indexOf(each)
        if (at >= 0) this.#free.splice(at, 1)
        this.#closed()
      }
    })
    try {
      await connection.connect(this.#hostname, this.#port)
    } catch (cause) {
      connection.close()
      throw cause
    }
    return connection
  }

  /** A connection that opens after the signal is kept. */
  #connect(signal: AbortSignal | undefined): Promise<Http1Connection> {
    const opening = this.#open()
    if (signal === undefined) return opening
    return new Promise((resolve, reject) => {
      const abort = () => reject(signal.reason as Error)
      signal.addEventListener("abort", abort, { once: true })
      const opened = (connection: Http1Connection) => {
        signal.removeEventListener("abort", abort)
        if (signal.aborted) this.#release(connection)
        else resolve(connection)
      }
      opening.then(opened, reject)
    })
  }

  #closed() {
    this.#count--
    this.#next()
  }

  #release(each: Http1Connection) {
    if (this.#free.length >= this.#options.maxFree) return each.end()
    each.keep()
    this.#free.push(each)
    this.#onFree()
    this.#next()
  }

  #next() {
    for (const first of this.#waiting) {
      this.#waiting.delete(first)
      return first.begin()
    }
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: () => {
          signal?.removeEventListener("abort", abort)
          resolve()
        }
      }
      const abort = () => {
        this.#waiting.delete(waiting)
        reject(signal?.reason as Error)
      }
      this.#waiting.add(waiting)
      signal?.addEventListener("abort", abort, { once: true })
    })
  }
}

export class Http1Client {
  readonly #options: Http1Options
  readonly #origins = new Map<string, Origin>()
  #sweeping: ReturnType<typeof setInterval> | undefined

  constructor(options: Partial<Http1Options> = {}) {
    this.#options = { ...usual, ...options }
  }

  /**
   * The response, also a redirect. Rejects with the error of the system while connecting, with the reason of the signal, and
   * with `InvalidResponse` if the connection ends too early. A request that was sent is not repeated, except GET and the like.
   */
  async request(request: Http1Request): Promise<Response> {
    const { checkOf, hostname, method, port, signal } = request
    const text = requestText(request)
    const key = `${hostname} ${port}`
    let origin = this.#origins.get(key)
    if (origin === undefined) {
      origin = new Origin(hostname, port, this.#options, this.#sweepLater)
      this.#origins.set(key, origin)
      this.#sweepLater()
    }
    return origin.send({ method, text, signal, checkOf })
  }

  readonly #sweepLater = () => {
    if (this.#sweeping !== undefined) return
    // Not an Effect: it belongs to connections, which outlive every scope.
    this.#sweeping = setInterval(() => {
      const now = performance.now()
      for (const [key, origin] of this.#origins) {
        origin.sweep(now)
        if (origin.isUnused) this.#origins.delete(key)
      }
      if (this.#origins.size > 0) return
      clearInterval(this.#sweeping)
      this.#sweeping = undefined
    }, this.#options.sweepEvery)
    this.#sweeping.unref()
  }
}
