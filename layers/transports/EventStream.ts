/** Writer of one response stream: server-sent events (WHATWG HTML) or NDJSON lines, with back-pressure. */
import type { Effect } from "effect"
import type { Backlog } from "./Backlog.ts"
import { StreamingBody } from "./StreamingBody.ts"

const encoder = new TextEncoder()

/** Media type of server-sent events. */
export const eventStream = "text/event-stream"

export const sseHeaders = {
  "content-type": eventStream,
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

export class EventStream {
  readonly #body: StreamingBody

  /** `backlog` limits the buffer; `onGone` is called when the reader disconnected or was too slow. */
  constructor(backlog: Backlog, onGone: () => void) {
    this.#body = new StreamingBody(backlog, onGone)
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#body.stream
  }

  get open(): boolean {
    return this.#body.open
  }

  /** Bytes that the connection has not accepted. */
  get waiting(): number {
    return this.#body.waiting
  }

  /** Until the reader has read the next time, or the stream accepts no more events. */
  get nextRead(): Effect.Effect<void> {
    return this.#body.nextRead
  }

  event(data: string, id?: string, retry?: number) {
    const head = id === undefined ? "" : `id: ${id}\n`
    const retryField = retry === undefined ? "" : `retry: ${retry}\n`
    this.#write(`${data === "" ? "" : "event: message\n"}${head}${retryField}data: ${data}\n\n`)
  }

  /** A named event; `data` has no line breaks. */
  named(event: string, data: string) {
    this.#write(`event: ${event}\ndata: ${data}\n\n`)
  }

  /** A line of NDJSON; `json` has no line breaks. */
  line(json: string) {
    this.#write(`${json}\n`)
  }

  comment(text: string) {
    this.#write(`: ${text}\n\n`)
  }

  /** Encoded events of another stream. */
  bytes(chunk: Uint8Array) {
    this.#body.write(chunk)
  }

  /** Ends the stream normally. */
  close() {
    this.#body.close()
  }

  #write(frame: string) {
    if (this.open) this.#body.write(encoder.encode(frame))
  }
}
