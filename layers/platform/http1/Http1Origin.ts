/** Connections to one address: kept ones, new ones up to a limit, and requests that wait for one in their order. */
import { Http1Connection, type Http1Exchange } from "./Http1Connection.ts"
import { InvalidResponse } from "./ResponseParser.ts"

export interface OriginOptions {
  /** Most connections to one address, without those of event streams; further requests wait. */
  readonly maxConnections: number
  /** Most of them that are kept open without a request. */
  readonly maxFree: number
  /** Milliseconds that they are kept. Less than servers do, which otherwise close them while the next request is sent. */
  readonly keepFor: number
  /** The same for a server that announces a longer time. */
  readonly keepAnnounced: number
  /**
   * Milliseconds after a response in which a server that does not keep connections closes them, although it has not announced
   * it. Until one was seen open for longer, none is used again sooner.
   */
  readonly closesWithin: number
}

/** Milliseconds before the time that a server announces: half of it, and no more than this. */
const margin = 1000

/** Requests that are safe to repeat (RFC 9110, section 9.2.2), if the server closes a connection that it has kept. */
const repeatable: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

interface Waiting {
  /** With a connection, or with the place of one to open. */
  readonly begin: (connection: Http1Connection | undefined) => void
}

export class Http1Origin {
  readonly #hostname: string
  readonly #port: number
  readonly #options: OriginOptions
  readonly #onFree: () => void
  readonly #free: Array<Http1Connection> = []
  /** Not empty only while all places are taken, and no connection is free. */
  readonly #waiting = new Set<Waiting>()
  /** Places that are taken: connections, and those that are promised to a request. */
  #count = 0
  /** Whether the server was seen to keep a connection. */
  #keeps: boolean
  /** Connections with event streams. They have no place: requests that a stream waits for would wait for the stream. */
  readonly #streaming = new Set<Http1Connection>()

  constructor(hostname: string, port: number, options: OriginOptions, onFree: () => void) {
    this.#hostname = hostname
    this.#port = port
    this.#options = options
    this.#onFree = onFree
    this.#keeps = options.closesWithin <= 0
  }

  get isUnused(): boolean {
    return this.#count === 0 && this.#waiting.size === 0 && this.#streaming.size === 0
  }

  /** Closes connections that were free for too long. */
  sweep(now: number): void {
    for (const each of this.#free.filter((one) => this.#isOld(one, now))) each.end()
  }

  async send(exchange: Http1Exchange): Promise<Response> {
    const { method, signal } = exchange
    for (;;) {
      signal?.throwIfAborted()
      const connection = this.#take() ?? (await this.#obtain(signal))
      if (signal?.aborted === true) {
        this.#release(connection)
        throw signal.reason as Error
      }
      const { wasKept } = connection
      const response = connection.send(exchange)
      if (response === undefined) {
        if (wasKept) continue
        throw new InvalidResponse({ detail: "the server closed the connection before the request" })
      }
      if (!wasKept || !repeatable.has(method)) return response
      const first = await response.catch((cause: unknown) => {
        if (connection.hasBegun || signal?.aborted === true) throw cause
        return undefined
      })
      if (first !== undefined) return first
    }
  }

  /** The connection that was used last, because the others may become old. */
  #take(): Http1Connection | undefined {
    const now = performance.now()
    for (let at = this.#free.length - 1; at >= 0; at--) {
      const each = this.#free[at]
      if (each === undefined || !this.#isProven(each, now)) continue
      this.#free.splice(at, 1)
      if (!this.#isOld(each, now)) return each
      each.end()
    }
    return undefined
  }

  #isProven({ freeSince }: Http1Connection, now: number): boolean {
    this.#keeps ||= now - freeSince >= this.#options.closesWithin
    return this.#keeps
  }

  #isOld({ freeSince, keptFor }: Http1Connection, now: number): boolean {
    const { keepAnnounced, keepFor } = this.#options
    const longest =
      keptFor === undefined ? keepFor : Math.min(keepAnnounced, keptFor - Math.min(margin, keptFor / 2))
    return now - freeSince >= longest
  }

  async #obtain(signal: AbortSignal | undefined): Promise<Http1Connection> {
    if (this.#count < this.#options.maxConnections) this.#count++
    else {
      const given = await this.#wait(signal)
      if (given !== undefined) return given
      if (signal?.aborted === true) {
        this.#leave()
        throw signal.reason as Error
      }
    }
    return this.#connect(signal)
  }

  async #open(): Promise<Http1Connection> {
    const connection = new Http1Connection({
      onEventStream: (each) => {
        this.#streaming.add(each)
        this.#leave()
      },
      onFree: (each) => {
        if (this.#streaming.has(each)) {
          if (this.#count >= this.#options.maxConnections) return each.end()
          this.#streaming.delete(each)
          this.#count++
        }
        this.#release(each)
      },
      onClose: (each) => {
        const at = this.#free.indexOf(each)
        if (at >= 0) {
          this.#free.splice(at, 1)
          if (performance.now() - each.freeSince < this.#options.closesWithin) this.#keeps = false
        }
        if (!this.#streaming.delete(each)) this.#leave()
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
      const failed = (cause: Error) => {
        signal.removeEventListener("abort", abort)
        reject(cause)
      }
      opening.then(opened, failed)
    })
  }

  /** A place is free: for the request that waits longest. */
  #leave(): void {
    const first = this.#first()
    if (first === undefined) this.#count--
    else first.begin(undefined)
  }

  #release(each: Http1Connection): void {
    if (this.#waiting.size > 0 && !this.#keeps && each.wasKept) return each.end()
    const first = this.#first()
    if (first !== undefined) return first.begin(each)
    if (this.#free.length >= this.#options.maxFree) return each.end()
    each.keep()
    this.#free.push(each)
    this.#onFree()
  }

  #first(): Waiting | undefined {
    for (const first of this.#waiting) {
      this.#waiting.delete(first)
      return first
    }
    return undefined
  }

  #wait(signal: AbortSignal | undefined): Promise<Http1Connection | undefined> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        begin: (connection) => {
          signal?.removeEventListener("abort", abort)
          resolve(connection)
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
