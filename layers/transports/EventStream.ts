/** One server-sent event stream (WHATWG HTML, server-sent events), or one of lines, whose reader may be slow, or gone. */
import type { Backlog } from "./Backlog.ts"

const encoder = new TextEncoder()

/** Its media type. */
export const eventStream = "text/event-stream"

export const sseHeaders = {
  "content-type": eventStream,
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

export class EventStream {
  readonly body: ReadableStream<Uint8Array>
  readonly #backlog: Backlog
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #onGone: (() => void) | undefined

  /** `backlog` limits what waits for the reader; `onGone`: the reader left, or was too slow. */
  constructor(backlog: Backlog, onGone: () => void) {
    this.#backlog = backlog
    this.#onGone = onGone
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        // Called when the reader wants more than waits.
        pull: () => void this.#backlog.update(0),
        cancel: () => this.#lost()
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 })
    )
  }

  get open(): boolean {
    return this.#controller !== undefined
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
    this.#enqueue(chunk)
  }

  /** Ends the stream; the reader sees a regular end. */
  close() {
    const controller = this.#controller
    this.#controller = undefined
    this.#onGone = undefined
    this.#backlog.end()
    try {
      controller?.close()
    } catch {
      // the reader cancelled in the same turn
    }
  }

  #lost() {
    this.#controller = undefined
    this.#backlog.end()
    const gone = this.#onGone
    this.#onGone = undefined
    gone?.()
  }

  #write(frame: string) {
    if (this.open) this.#enqueue(encoder.encode(frame))
  }

  #enqueue(chunk: Uint8Array) {
    const controller = this.#controller
    if (controller === undefined) return
    // The high-water mark is 0, so that the desired size is what waits.
    if (!this.#backlog.update(-(controller.desiredSize ?? 0))) {
      controller.error(new Error("The reader is too slow."))
      this.#lost()
      return
    }
    controller.enqueue(chunk)
  }
}
