/**
 * HTTP/1.1 client without TLS, which keeps connections open. Bun's `fetch` runs in another thread: for a short request to a
 * near server the two changes of threads take longer than everything else.
 */
import type { Http1Exchange } from "./Http1Connection.ts"
import { Http1Origin, type OriginOptions } from "./Http1Origin.ts"
import { requestText, type RequestParts } from "./requestText.ts"

export interface Http1Request extends RequestParts, Pick<Http1Exchange, "signal" | "checkOf"> {
  /** An IP address, without brackets, or a name. */
  readonly hostname: string
  readonly port: number
}

export interface Http1Options extends OriginOptions {
  /** Interval of the check for connections that were free for too long, in milliseconds. */
  readonly sweepEvery: number
}

const usual: Http1Options = {
  maxConnections: 1024,
  maxFree: 64,
  // Servers that announce no time keep connections for 2 seconds (Gunicorn), 5 (Uvicorn) or longer.
  keepFor: 1500,
  keepAnnounced: 4000,
  closesWithin: 5,
  sweepEvery: 1000
}

export class Http1Client {
  readonly #options: Http1Options
  readonly #origins = new Map<string, Http1Origin>()
  #sweeping: ReturnType<typeof setInterval> | undefined

  constructor(options: Partial<Http1Options> = {}) {
    this.#options = { ...usual, ...options }
  }

  /**
   * The response, also a redirect. Rejects with the error of the system while connecting, with the reason of the signal, and
   * with `InvalidResponse` if the connection ends too early. A request that was sent is not repeated, except GET and the like.
   */
  async request(request: Http1Request): Promise<Response> {
    const { checkOf, host, hostname, method, port, signal } = request
    const text = requestText(request)
    // A proxy at this address may take the first request of a connection for the host of all.
    const key = `${hostname} ${port} ${host}`
    let origin = this.#origins.get(key)
    if (origin === undefined) {
      origin = new Http1Origin(hostname, port, this.#options, this.#sweepLater)
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
