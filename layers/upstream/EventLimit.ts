/**
 * Limits the size of events of a `text/event-stream`. A larger event is cut and gets another type, so that no parser reads it,
 * and is reported; the stream goes on.
 */
import { idOfPart, MessageTooLarge } from "./PendingRequests.ts"

const newline = 0x0a
const carriageReturn = 0x0d

/** Bytes at the start and at the end of a skipped event that are kept. */
const edge = 256
const nothing = new Uint8Array()

const encoder = new TextEncoder()
const decoder = new TextDecoder()
/** Ends a cut event. Parsers read events of the type `message`. */
const ending = encoder.encode("event: too-large\n\n")
const endingOfLine = encoder.encode("\nevent: too-large\n\n")

/** Whether an event ends where the chunk ends: the usual case. */
const endsEvent = (chunk: Uint8Array) => {
  const { length } = chunk
  if (chunk[length - 1] !== newline) return false
  const before = chunk[length - 2]
  return before === newline || (before === carriageReturn && chunk[length - 3] === newline)
}

const isEmptyLine = (line: Uint8Array) => line.every((byte) => byte === newline || byte === carriageReturn)

/** With lines of data joined, as parsers do. */
const dataOf = (part: Uint8Array) => decoder.decode(part).replaceAll(/\r?\ndata: ?/g, "\n")

export interface EventLimitOptions {
  /** Maximum size of an event in bytes. */
  readonly maxBytes: number
  /** Called at the end of an event that was larger. */
  readonly onTooLarge: (error: MessageTooLarge) => void
}

export class EventLimit {
  readonly #options: EventLimitOptions
  /** Bytes of the event so far. */
  #size = 0
  #skipping = false
  /** Whether the skipped event was cut within a line. */
  #inLine = false
  /** Whether the last chunk ended within a line. */
  #isLineOpen = false
  /** Whether the line so far has no characters. */
  #isEmpty = true
  #start = nothing
  #end = nothing

  constructor(options: EventLimitOptions) {
    this.#options = options
  }

  /** The chunk to pass on: the same one, unless an event is too large. */
  push(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    if (!this.#skipping && this.#size + chunk.length <= this.#options.maxBytes && endsEvent(chunk)) {
      this.#reset()
      this.#isLineOpen = false
      return chunk
    }
    return this.#scan(chunk)
  }

  /** At the end of the stream. */
  end(): void {
    if (this.#skipping) this.#report()
  }

  #scan(chunk: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const kept: Array<Uint8Array> = []
    let from = 0
    let at = 0
    while (at < chunk.length) {
      const found = chunk.indexOf(newline, at)
      const end = found < 0 ? chunk.length : found + 1
      const line = chunk.subarray(at, end)
      this.#isEmpty &&= isEmptyLine(line)
      if (found >= 0 && this.#isEmpty) {
        if (this.#skipping) {
          kept.push(this.#inLine ? endingOfLine : ending)
          from = end
          this.#report()
        }
        this.#reset()
      } else {
        const wasSkipping = this.#skipping
        this.#count(line)
        if (this.#skipping && !wasSkipping) {
          this.#inLine = at === 0 && this.#isLineOpen
          kept.push(chunk.subarray(from, at))
        }
        if (found >= 0) this.#isEmpty = true
      }
      at = end
    }
    this.#isLineOpen = chunk.at(-1) !== newline
    if (this.#skipping) return Uint8Array.from(Buffer.concat(kept))
    return kept.length === 0 ? chunk : Uint8Array.from(Buffer.concat([...kept, chunk.subarray(from)]))
  }

  #count(line: Uint8Array) {
    this.#size += line.length
    if (this.#start.length < edge) this.#start = Buffer.concat([this.#start, line.subarray(0, edge)])
    this.#end = line.length >= edge ? line.slice(-edge) : Buffer.concat([this.#end, line]).subarray(-edge)
    if (this.#size > this.#options.maxBytes) this.#skipping = true
  }

  #reset() {
    this.#size = 0
    this.#skipping = false
    this.#isEmpty = true
    this.#start = this.#end = nothing
  }

  #report() {
    const start = dataOf(this.#start).replace(/^[^]*?data: ?/, "")
    const id = idOfPart(start, dataOf(this.#end))
    const { maxBytes, onTooLarge } = this.#options
    onTooLarge(new MessageTooLarge({ maxBytes, ...(id !== undefined && { id }) }))
  }
}

export const isEventStream = ({ headers }: Response) =>
  headers.get("content-type")?.startsWith("text/event-stream") === true

/** The response with limited events, if it is a stream of events. */
export const limitEvents = (response: Response, options: EventLimitOptions): Response => {
  const { body, headers, status, statusText } = response
  if (body === null || !isEventStream(response)) return response
  const limit = new EventLimit(options)
  const limited = body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        const passed = limit.push(chunk)
        if (passed.length > 0) controller.enqueue(passed)
      },
      flush: () => limit.end()
    })
  )
  return new Response(limited, { headers, status, statusText })
}
