/** One server-sent event stream (WHATWG HTML, server-sent events), or one of lines, whose reader may be slow, or gone. */
import type { Backlog } from "./Backlog.ts"
import { StreamingBody } from "./StreamingBody.ts"

const encoder = new TextEncoder()

/** Its media type. */
export const eventStream = "text/event-stream"

export const sseHeaders = {
  "content-type": eventStream,
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

export class EventStream {
  readonly #body: StreamingBody

  /** `backlog` limits what waits for the reader; `onGone`: the reader left, or was too slow. */
  constructor(backlog: Backlog, onGone: () => void) {
    this.#body = new StreamingBody(backlog, onGone)
  }

  get body(): ReadableStream<Uint8Array> {
    return this.#body.stream
  }

  get open(): boolean {
    return this.#body.open
  }

  event(data: string, id?: string, retry?: number) {
    const head = id === undefined ? "" : `id: ${id}\n`
    const again = retry === undefined ? "" : `retry: ${retry}\n`
    this.#write(`${data === "" ? "" : "event: message\n"}${head}${again}data: ${data}\n\n`)
  }

  /** An event under a name of its own; `data` has no line breaks. */
  named(event: string, data: string) {
    this.#write(`event: ${event}\ndata: ${data}\n\n`)
  }

  /** A line of NDJSON, for streams that are no event streams; `json` has no line breaks. */
  line(json: string) {
    this.#write(`${json}\n`)
  }

  comment(text: string) {
    this.#write(`: ${text}\n\n`)
  }

  /** Events that are encoded already, of another stream. */
  bytes(chunk: Uint8Array) {
    this.#body.write(chunk)
  }

  /** Ends the stream; the reader sees a regular end. */
  close() {
    this.#body.close()
  }

  #write(frame: string) {
    if (this.open) this.#body.write(encoder.encode(frame))
  }
}
