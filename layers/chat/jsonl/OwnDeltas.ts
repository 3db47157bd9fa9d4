/**
 * Deltas that this process appends to one message while it holds the lock. Each is written at once; they are indexed
 * together as soon as the lock is released, or before anything else uses the index, because other processes wait meanwhile.
 */
import type { Delta, DeltaBody } from "../ChatEvent.ts"
import { DeltaEncoder } from "./deltaLines.ts"
import type { EventIndex } from "./EventIndex.ts"
import type { LogObserver } from "./LogIndexer.ts"
import type { LogLock } from "./LogLock.ts"
import type { ActiveFile } from "./SegmentFiles.ts"

/** Bytes of lines that are indexed together. */
const runBytes = 64 * 2 ** 10

interface Run {
  /** The delta that they follow. */
  readonly before: Delta
  readonly active: ActiveFile
  readonly offset: number
  /** They end once the file has so many bytes. */
  readonly maxSize: number
  readonly deltas: Array<Delta>
}

export class OwnDeltas {
  readonly #lock: Pick<LogLock, "enter" | "leave">
  readonly #index: EventIndex
  readonly #onIndexed: LogObserver["onOwnDeltas"]
  readonly #encoder = new DeltaEncoder()
  #run: Run | undefined

  constructor(
    lock: Pick<LogLock, "enter" | "leave">,
    index: EventIndex,
    onIndexed: LogObserver["onOwnDeltas"]
  ) {
    this.#lock = lock
    this.#index = index
    this.#onIndexed = onIndexed
  }

  /** Under the lock, after `before` was written to the end of the file and indexed. `maxSize`: of the file, in bytes. */
  begin(before: Delta, active: ActiveFile, maxSize: number) {
    const offset = active.position
    this.#run = { before, active, offset, maxSize: Math.min(maxSize, offset + runBytes), deltas: [] }
  }

  /** Undefined: it does not continue the message, or the lock was released. Throws the errors of the system. */
  append(
    conversation: string,
    { hop, request_id, text, type }: DeltaBody,
    now: () => string
  ): Delta | undefined {
    const run = this.#run
    if (run === undefined || run.active.position >= run.maxSize) return undefined
    const { active, before, deltas } = run
    if (
      before.conversation !== conversation ||
      before.request_id !== request_id ||
      before.hop !== hop ||
      before.type !== type ||
      !this.#lock.enter()
    ) {
      return undefined
    }
    try {
      // The lock was released, and taken again.
      if (this.#run !== run) return undefined
      if (deltas.length === 0 && !this.#encoder.begin(before)) return undefined
      const timestamp = now()
      const seq = before.seq + deltas.length + 1
      const size = this.#encoder.encode(seq, timestamp, text)
      if (size === undefined) return undefined
      active.file.append(this.#encoder.buffer, active.position, size)
      active.position += size
      const delta: Delta = { type, timestamp, conversation, seq, request_id, hop, text }
      deltas.push(delta)
      return delta
    } finally {
      this.#lock.leave()
    }
  }

  /** Indexes them. */
  end() {
    if (this.#run === undefined) return
    const { active, before, deltas, offset } = this.#run
    this.#run = undefined
    const last = deltas.at(-1)
    if (last === undefined) return
    const length = active.position - offset
    this.#index.add(last, { segment: active.segment, offset, length }, before.seq + 1)
    this.#onIndexed(deltas, last, length)
  }
}
