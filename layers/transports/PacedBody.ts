/** A response body that is written as things happen, for a reader that may be slow: what waits is limited, also after the end. */
import type { Backlog } from "./Backlog.ts"

/** Fewer bytes are left to the connection when the body ends, and not charged any longer. */
const smallRest = 64 * 1024
/** How often the reader of a body that has ended is looked at, in milliseconds. */
const interval = 1000

export class PacedBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #backlog: Backlog
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #onGone: ((reason?: unknown) => void) | undefined
  /** Bytes that the reader has not taken; it asks for more when it has taken all. */
  #waiting = 0
  /** Runs from the end of the body until what waits was taken. */
  #watch: ReturnType<typeof setInterval> | undefined

  /** `onGone`: the reader left, or was too slow. */
  constructor(backlog: Backlog, onGone: (reason?: unknown) => void) {
    this.#backlog = backlog
    this.#onGone = onGone
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#taken(),
        cancel: (reason) => this.#lost(reason)
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 })
    )
  }

  /** Whether more can be written. */
  get open(): boolean {
    return this.#controller !== undefined && this.#watch === undefined
  }

  /** What is written after the end, or to nobody, is dropped. */
  write(chunk: Uint8Array) {
    const controller = this.#controller
    if (controller === undefined || this.#watch !== undefined) return
    const waiting = this.#waiting + chunk.byteLength
    // One chunk may be as large as it is; the limit is on what waits before it.
    if (!this.#backlog.update(waiting, this.#waiting)) {
      this.#drop()
      return
    }
    this.#waiting = waiting
    controller.enqueue(chunk)
  }

  /** Ends the body: the reader gets what waits, in time, and sees a regular end. */
  close() {
    this.#onGone = undefined
    if (!this.open) return
    if (this.#waiting < smallRest) {
      this.#finish()
      return
    }
    this.#watch = setInterval(() => {
      if (!this.#backlog.update(this.#waiting)) this.#drop()
    }, interval)
  }

  /** Ends the body at once, with an error for the reader. */
  fail(error: Error) {
    const controller = this.#controller
    this.#onGone = undefined
    this.#lost()
    controller?.error(error)
  }

  #taken() {
    this.#waiting = 0
    this.#backlog.update(0)
    if (this.#watch !== undefined) this.#finish()
  }

  #finish() {
    const controller = this.#controller
    this.#lost()
    controller?.close()
  }

  #drop() {
    const controller = this.#controller
    controller?.error(new Error("The reader is too slow."))
    this.#lost()
  }

  /** Nothing is written any more, and nothing held. */
  #lost(reason?: unknown) {
    clearInterval(this.#watch)
    this.#watch = undefined
    this.#controller = undefined
    this.#backlog.end()
    const gone = this.#onGone
    this.#onGone = undefined
    gone?.(reason)
  }
}
