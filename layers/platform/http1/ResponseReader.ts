/** Makes the `Response` of one request: with its whole body if that is small or JSON, otherwise with a stream. */
import { ResponseParser, type ResponseHead } from "./ResponseParser.ts"

/** Checks each piece of the body; throws to end the response. */
export type BodyCheck = (bytes: Uint8Array) => void

export interface ReaderOptions {
  readonly method: string
  readonly checkOf?: ((head: ResponseHead) => BodyCheck) | undefined
  /** Stops and continues reading from the connection. */
  readonly pause: () => void
  readonly resume: () => void
  /** The reader of the body does not want the rest. */
  readonly cancel: () => void
}

/** Larger bodies, in bytes, are streams, and as much of a stream is read ahead. */
const smallBody = 256 * 1024

/** Without the methods of `Buffer`, which differ. */
const plain = ({ buffer, byteLength, byteOffset }: Uint8Array<ArrayBuffer>) =>
  new Uint8Array(buffer, byteOffset, byteLength)

const hasNoBody = (status: number) => status === 204 || status === 205 || status === 304

export class ResponseReader {
  readonly response: Promise<Response>
  readonly #options: ReaderOptions
  readonly #parser: ResponseParser
  readonly #settle: PromiseWithResolvers<Response>
  #head: ResponseHead | undefined
  #check: BodyCheck | undefined
  #pieces: Array<Uint8Array<ArrayBuffer>> = []
  #size = 0
  #controller: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>> | undefined
  #isSettled = false

  constructor(options: ReaderOptions) {
    this.#options = options
    this.#settle = Promise.withResolvers()
    this.response = this.#settle.promise
    this.#parser = new ResponseParser(options.method, {
      onHead: (head) => {
        this.#head = head
        this.#check = options.checkOf?.(head)
      },
      onBody: (bytes) => this.#add(bytes)
    })
  }

  get head(): ResponseHead | undefined {
    return this.#head
  }

  get isDone(): boolean {
    return this.#parser.isDone
  }

  get keepAlive(): boolean {
    return this.#parser.keepAlive
  }

  /** Throws if the response is invalid, or its check fails. */
  push(bytes: Buffer<ArrayBuffer>): void {
    this.#parser.push(bytes)
    this.#progress()
  }

  /** The connection has ended. Throws if the response is not complete. */
  close(): void {
    this.#parser.close()
    this.#progress()
  }

  fail(cause: unknown): void {
    if (this.#isSettled) this.#controller?.error(cause)
    else this.#settle.reject(cause)
    this.#isSettled = true
    this.#controller = undefined
  }

  #add(bytes: Uint8Array<ArrayBuffer>): void {
    this.#check?.(bytes)
    this.#size += bytes.byteLength
    if (this.#controller === undefined) {
      this.#pieces.push(bytes)
      return
    }
    this.#controller.enqueue(plain(bytes))
    if ((this.#controller.desiredSize ?? 0) <= 0) this.#options.pause()
  }

  #progress(): void {
    const head = this.#head
    if (head === undefined) return
    if (this.isDone) {
      if (this.#isSettled) this.#controller?.close()
      else this.#begin(head, this.#whole())
      this.#controller = undefined
    } else if (!this.#isSettled && !this.#isAwaited(head)) {
      this.#begin(head, this.#stream())
    }
  }

  /** Whether the response begins when its body is complete, which saves the stream. */
  #isAwaited({ headers, length }: ResponseHead): boolean {
    if (length !== undefined) return length <= smallBody
    return this.#size <= smallBody && headers.get("content-type")?.startsWith("application/json") === true
  }

  #whole(): Uint8Array<ArrayBuffer> | null {
    const [first] = this.#pieces
    if (first === undefined) return null
    return this.#pieces.length === 1 ? first : Buffer.concat(this.#pieces)
  }

  #stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const pieces = this.#pieces
    this.#pieces = []
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#controller = controller
          for (const piece of pieces) controller.enqueue(plain(piece))
          if ((controller.desiredSize ?? 0) <= 0) this.#options.pause()
        },
        pull: () => this.#options.resume(),
        cancel: () => {
          this.#controller = undefined
          this.#options.cancel()
        }
      },
      new ByteLengthQueuingStrategy({ highWaterMark: smallBody })
    )
  }

  #begin(
    { headers, reason, status }: ResponseHead,
    body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
  ) {
    this.#isSettled = true
    this.#settle.resolve(
      new Response(hasNoBody(status) ? null : body, {
        status,
        statusText: reason,
        headers
      })
    )
  }
}
