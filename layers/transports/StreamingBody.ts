/** A response body that is written as things happen, for a reader that may be slow: what waits is limited, also after the end. */
import type { Backlog } from "./Backlog.ts"

/** Bytes that are handed over at once; only what was not handed over can be dropped. */
const sliceBytes = 256 * 1024
/** Fewer bytes are left to the connection when the body ends, and not charged any longer. */
const smallRest = 64 * 1024
/** How often the reader of a body that has ended is looked at, in milliseconds. */
const interval = 1000
/** When what was handed over counts as gone, after the connection was to be cut; in milliseconds. */
const cutWithin = 15_000

const tooSlow = () => new Error("The reader is too slow.")

/** `ending`: no more is written, and what waits is still read. `dropped`: the reader was too slow, and gets no more. */
type State = "open" | "ending" | "dropped" | "gone"

export class StreamingBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #backlog: Backlog
  #state: State = "open"
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #onGone: ((reason?: unknown) => void) | undefined
  #queue: Array<Uint8Array> = []
  /** Bytes that were handed over, and that the connection has not taken yet: it asks for more when it has. */
  #handed = 0
  /** These and those of the queue. */
  #waiting = 0
  /** Whether the connection asks for more. */
  #asked = false
  #timer: ReturnType<typeof setInterval> | undefined

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
        cancel: (reason) => this.#gone(reason)
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 })
    )
  }

  /** Whether more can be written. */
  get open(): boolean {
    return this.#state === "open"
  }

  /** What is written after the end, or to nobody, is ignored. */
  write(chunk: Uint8Array) {
    if (this.#state !== "open") return
    const { byteLength } = chunk
    // One chunk may be as large as it is; the limit is on what waits before it.
    if (!this.#backlog.update(this.#waiting + byteLength, this.#waiting)) {
      this.#drop()
      return
    }
    this.#waiting += byteLength
    if (byteLength <= sliceBytes) this.#queue.push(chunk)
    else
      for (let at = 0; at < byteLength; at += sliceBytes)
        this.#queue.push(chunk.subarray(at, at + sliceBytes))
    if (this.#asked) this.#hand()
  }

  /** Ends the body: the reader gets what waits, in time, and sees a regular end. */
  close() {
    this.#onGone = undefined
    if (this.#state !== "open") return
    this.#state = "ending"
    if (this.#waiting < smallRest) {
      for (const slice of this.#queue) this.#controller?.enqueue(slice)
      this.#controller?.close()
      this.#gone()
      return
    }
    this.#timer = setInterval(() => {
      if (!this.#backlog.update(this.#waiting)) this.#drop()
    }, interval)
  }

  /** Ends the body at once, with an error for the reader. */
  fail(error: Error) {
    if (this.#state === "gone") return
    this.#onGone = undefined
    this.#controller?.error(error)
    this.#gone()
  }

  #taken() {
    this.#asked = true
    this.#waiting -= this.#handed
    this.#handed = 0
    this.#backlog.update(this.#waiting)
    if (this.#state === "dropped") this.fail(tooSlow())
    else this.#hand()
  }

  #hand() {
    const slice = this.#queue.shift()
    if (slice !== undefined) {
      this.#asked = false
      this.#handed = slice.byteLength
      this.#controller?.enqueue(slice)
    } else if (this.#state === "ending") {
      this.#controller?.close()
      this.#gone()
    }
  }

  /** Forgets what was not handed over; the rest is charged until the connection has let it go. */
  #drop() {
    const gone = this.#onGone
    this.#onGone = undefined
    clearInterval(this.#timer)
    this.#queue = []
    this.#waiting = this.#handed
    if (this.#handed === 0) this.fail(tooSlow())
    else {
      this.#state = "dropped"
      this.#backlog.update(this.#handed)
      this.#backlog.cut()
      this.#timer = setTimeout(() => this.#gone(), cutWithin)
    }
    gone?.()
  }

  #gone(reason?: unknown) {
    clearTimeout(this.#timer)
    this.#state = "gone"
    this.#queue = []
    this.#controller = undefined
    this.#backlog.end()
    const gone = this.#onGone
    this.#onGone = undefined
    gone?.(reason)
  }
}
