/** Response body that is written incrementally, with a bounded buffer for slow readers, also after the end. */
import type { Effect } from "effect"
import { Waiters } from "../platform/Waiters.ts"
import type { Backlog } from "./Backlog.ts"

/** Bytes handed to the connection at once; only the rest can be dropped. */
const sliceBytes = 256 * 1024
/** Fewer remaining bytes are handed over when the body ends, and no longer charged. */
const smallRest = 64 * 1024
/** Interval of checks whether the reader of an ended body makes progress, in milliseconds. */
const interval = 1000
/** Time after cutting the connection when handed-over bytes count as released, in milliseconds. */
const releaseAfterCut = 15_000

const tooSlow = () => new Error("The reader is too slow.")

/** `ending`: closed, the buffer is still read. `dropped`: the reader was too slow, the buffer was dropped. */
type State = "open" | "ending" | "dropped" | "gone"

export class StreamingBody {
  readonly stream: ReadableStream<Uint8Array>
  readonly #backlog: Backlog
  #state: State = "open"
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #onGone: ((reason?: unknown) => void) | undefined
  #queue: Array<Uint8Array> = []
  /** Bytes handed over and not yet accepted: the connection pulls again when it has accepted them. */
  #handed = 0
  /** Handed-over and queued bytes. */
  #waiting = 0
  /** Whether the connection has pulled. */
  #pullPending = false
  readonly #writers = new Waiters()
  #timer: ReturnType<typeof setInterval> | undefined

  /** `onGone` is called when the reader disconnected or was too slow. */
  constructor(backlog: Backlog, onGone: (reason?: unknown) => void) {
    this.#backlog = backlog
    this.#onGone = onGone
    this.stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller
        },
        pull: () => this.#pulled(),
        cancel: (reason) => this.#gone(reason)
      },
      new ByteLengthQueuingStrategy({ highWaterMark: 0 })
    )
  }

  /** Whether writes are accepted. */
  get open(): boolean {
    return this.#state === "open"
  }

  /** Bytes that the connection has not accepted. */
  get waiting(): number {
    return this.#waiting
  }

  /** Until the reader has read the next time, or the body accepts no more writes. */
  get nextRead(): Effect.Effect<void> {
    return this.#writers.wait(() => !this.open)
  }

  /** Writes after the end are ignored. */
  write(chunk: Uint8Array) {
    if (this.#state !== "open") return
    const { byteLength } = chunk
    // The limit applies to the bytes before this chunk, so that one chunk may have any size.
    if (!this.#backlog.update(this.#waiting + byteLength, this.#waiting)) {
      this.#drop()
      return
    }
    this.#waiting += byteLength
    if (byteLength <= sliceBytes) this.#queue.push(chunk)
    else
      for (let at = 0; at < byteLength; at += sliceBytes)
        this.#queue.push(chunk.subarray(at, at + sliceBytes))
    if (this.#pullPending) this.#hand()
  }

  /** Ends the body normally: the reader still gets the buffer, within the time-out. */
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
    // Not an Effect: Bun reads the body after the handler's fiber has ended.
    this.#timer = setInterval(() => {
      if (!this.#backlog.update(this.#waiting)) this.#drop()
    }, interval)
  }

  /** Ends the body at once with an error for the reader. */
  fail(error: Error) {
    if (this.#state === "gone") return
    this.#onGone = undefined
    this.#controller?.error(error)
    this.#gone()
  }

  #pulled() {
    this.#pullPending = true
    this.#waiting -= this.#handed
    this.#handed = 0
    this.#backlog.update(this.#waiting)
    if (this.#state === "dropped") this.fail(tooSlow())
    else this.#hand()
    this.#writers.wake()
  }

  #hand() {
    const slice = this.#queue.shift()
    if (slice !== undefined) {
      this.#pullPending = false
      this.#handed = slice.byteLength
      this.#controller?.enqueue(slice)
    } else if (this.#state === "ending") {
      this.#controller?.close()
      this.#gone()
    }
  }

  /** Drops the queue; handed-over bytes are charged until the connection releases them. */
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
      // Not an Effect, as above.
      this.#timer = setTimeout(() => this.#gone(), releaseAfterCut)
    }
    gone?.()
    this.#writers.wake()
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
    this.#writers.wake()
  }
}
