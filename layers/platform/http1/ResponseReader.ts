/** Makes the `Response` of one request: with its whole body if that is small or JSON, otherwise with a stream. */
import { hasNoBody, ResponseParser, type ResponseHead } from "./ResponseParser.ts"

/** Checks each piece of the body; throws to end the response. */
export type BodyCheck = (bytes: Uint8Array) => void

export interface ReaderOptions {
  readonly method: string
  readonly checkOf?: ((head: ResponseHead) => BodyCheck) | undefined
  /** The response is an event stream that has not ended. */
  readonly onEventStream: () => void
  /** Stops and continues reading from the connection. */
  readonly pause: () => void
  readonly resume: () => void
  /** The reader of the body does not want the rest. */
  readonly cancel: () => void
}

/** Larger bodies, in bytes, are streams, and as much of a stream is read ahead. */
const smallBody = 256 * 1024

/** Bytes of memory that each piece in the queue of a stream takes besides its own. */
const costOfPiece = 256
/** More pieces are joined while the response is awaited. */
const mostPieces = 64

/**
 * One piece, without the methods of `Buffer`, which differ. It keeps no more memory than its own: a server may send chunks of
 * one byte with long extensions.
 */
const joined = (pieces: ReadonlyArray<Uint8Array<ArrayBuffer>>): Uint8Array<ArrayBuffer> => {
  const [first] = pieces
  if (first !== undefined && pieces.length === 1 && first.byteLength * 2 >= first.buffer.byteLength) {
    return new Uint8Array(first.buffer, first.byteOffset, first.byteLength)
  }
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.byteLength
  }
  return whole
}

const isEventStream = ({ headers }: ResponseHead) =>
  headers.get("content-type")?.startsWith("text/event-stream") === true

export class ResponseReader {
  readonly response: Promise<Response>
  readonly #options: ReaderOptions
  readonly #parser: ResponseParser
  readonly #settle: PromiseWithResolvers<Response>
  #head: ResponseHead | undefined
  #check: BodyCheck | undefined
  /** Pieces of the body that were not passed on. */
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
    this.#pieces.push(bytes)
  }

  /** Passes pieces on to the stream: once for all that arrived together. */
  #flush(): void {
    const pieces = this.#pieces
    if (pieces.length === 0) return
    const controller = this.#controller
    if (controller === undefined) {
      // Cancelled, or not begun.
      this.#pieces = this.#isSettled ? [] : pieces.length > mostPieces ? [joined(pieces)] : pieces
      return
    }
    this.#pieces = []
    controller.enqueue(joined(pieces))
    if ((controller.desiredSize ?? 0) <= 0) this.#options.pause()
  }

  #progress(): void {
    const head = this.#head
    if (head === undefined) return
    this.#flush()
    if (this.isDone) {
      if (this.#isSettled) this.#controller?.close()
      else this.#begin(head, this.#whole())
      this.#controller = undefined
    } else if (!this.#isSettled && !this.#isAwaited(head)) {
      this.#begin(head, this.#stream())
      if (isEventStream(head)) this.#options.onEventStream()
    }
  }

  /** Whether the response begins when its body is complete, which saves the stream. */
  #isAwaited(head: ResponseHead): boolean {
    const { headers, length } = head
    if (length !== undefined) return length <= smallBody && !isEventStream(head)
    return this.#size <= smallBody && headers.get("content-type")?.startsWith("application/json") === true
  }

  #whole(): Uint8Array<ArrayBuffer> | null {
    return this.#pieces.length === 0 ? null : joined(this.#pieces)
  }

  #stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) => {
          this.#controller = controller
          this.#flush()
        },
        pull: () => this.#options.resume(),
        cancel: () => {
          this.#controller = undefined
          this.#options.cancel()
        }
      },
      { highWaterMark: smallBody, size: (piece) => (piece?.byteLength ?? 0) + costOfPiece }
    )
  }

  #begin(
    { headers, reason, status }: ResponseHead,
    body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
  ) {
    const response = new Response(hasNoBody(status) ? null : body, { status, statusText: reason, headers })
    this.#isSettled = true
    this.#settle.resolve(response)
  }
}
