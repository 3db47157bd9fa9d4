/**
 * Keeps the index of the log up to date: indexes lines that this and other processes appended, and repairs what they left
 * damaged or unfinished once the lock is held.
 */
import { type Delta, isDelta } from "../ChatEvent.ts"
import { deltaRun } from "./deltaRun.ts"
import { EventIndex, type Extent, type Place } from "./EventIndex.ts"
import { conversationIn, type EventLine, isRemoved, isSegment, type Line } from "./lines.ts"
import type { LogLock } from "./LogLock.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"
import { lineAt, moreOf, splitLines } from "./splitLines.ts"

export interface Damaged extends Place {
  readonly conversation: string | undefined
}

export interface LogObserver {
  /** Whether `onLine` must see each event of the conversation; it sees the last one of adjacent deltas otherwise. */
  readonly isRead: (conversation: string) => boolean
  /** A line that another process wrote was indexed. */
  readonly onLine: (line: EventLine) => void
  /** Deltas of one message, which this process wrote, were indexed. */
  readonly onOwnDeltas: (deltas: ReadonlyArray<Delta>, last: Delta, bytes: number) => void
  readonly onRemoved: (id: string) => void
  /** Everything was indexed again. */
  readonly onReload: () => void
  /** An incomplete line at the end was removed. */
  readonly onTorn: (bytes: number) => void
  /** Lines were moved to the quarantine; runs under the lock. */
  readonly onDamaged: (damaged: ReadonlyArray<Damaged>) => void
}

/** Bytes that are indexed before other work continues. */
export const pieceBytes = 256 * 2 ** 10

const isDeltaLine = (line: Line | undefined): line is EventLine =>
  line !== undefined && !isSegment(line) && isDelta(line.type)

export class LogIndexer {
  readonly index = new EventIndex()
  readonly files: SegmentFiles
  readonly #lock: Pick<LogLock, "held" | "isUsed">
  readonly #observer: LogObserver
  /** Files were written again, sealed or edited: `load` must index them before the next use. */
  isStale = true
  /** Nothing is indexed yet. */
  isFirst = true
  /** Whether each line is parsed as a whole when it is indexed. */
  isThorough = true
  /** Parts of removed conversations that may still be in the files. */
  #leftovers: Array<{ readonly id: string; readonly extent: Extent }> = []
  #damaged: Array<Damaged> = []
  /** For what was appended. */
  #appended = Buffer.alloc(0)
  /** The last delta that another process wrote. */
  #latest: EventLine | undefined
  /** The time of `lock.held` since which nothing was written that is not indexed. */
  #settled: number | undefined

  constructor(files: SegmentFiles, lock: Pick<LogLock, "held" | "isUsed">, observer: LogObserver) {
    this.files = files
    this.#lock = lock
    this.#observer = observer
  }

  /** Under the lock: whether no other process can have written since `settle`. */
  get isSettled(): boolean {
    return this.#settled === this.#lock.held
  }

  /** Keeps a line that cannot be read, until `settle` moves it to the quarantine. */
  reject(place: Place) {
    const text = this.files.fileOf(place.segment).read(place.offset, place.length).toString()
    this.#damaged.push({ ...place, conversation: conversationIn(text) })
  }

  /** Indexes a line. False: it is out of order. */
  apply(line: Line, place: Place): boolean {
    if (isSegment(line)) return true
    if (isRemoved(line)) {
      this.#remove(line.conversation)
      return true
    }
    if (!this.index.add(line, place)) return false
    this.#observer.onLine(line)
    return true
  }

  #remove(id: string) {
    const found = this.index.remove(id)
    for (const extent of found === undefined ? [] : [...found.extents, ...found.superseded]) {
      this.#leftovers.push({ id, extent })
    }
    this.#observer.onRemoved(id)
  }

  /** Indexes deltas that follow one of the same message. The result: their length in bytes. */
  #applyRun(line: EventLine, bytes: Buffer, from: number, place: Omit<Place, "length">): number {
    if (this.isThorough || this.#observer.isRead(line.conversation)) return 0
    const run = deltaRun(line, bytes, from)
    if (run === undefined) return 0
    const last = { ...line, seq: run.lastSeq, timestamp: run.timestamp }
    if (!this.index.add(last, { ...place, length: run.length }, line.seq + 1)) return 0
    this.#latest = last
    this.#observer.onLine(last)
    return run.length
  }

  /** Indexes what was appended. False: it must be repaired under the lock. */
  catchUp(size = this.files.active?.file.size ?? 0): boolean {
    const { files } = this
    const { active } = files
    if (active === undefined || size === active.position) return true
    if (this.#appended.length === 0) this.#appended = Buffer.allocUnsafe(pieceBytes)
    const { segment } = active
    /** Lines whose later ones were not read yet. */
    let batch: Array<{ readonly line: Line | undefined; readonly place: Place }> = []
    for (const [start, bytes] of files.chunks(
      active.file,
      active.position,
      size,
      this.#appended.length,
      this.#appended
    )) {
      const latest = batch.length > 0 ? undefined : this.#latest
      const run = latest === undefined ? 0 : this.#applyRun(latest, bytes, 0, { segment, offset: start })
      active.position += run
      for (let found = lineAt(bytes, run); found !== undefined;) {
        const { length, line, offset } = found
        let end = offset + length
        batch.push({ line, place: { segment, offset: start + offset, length } })
        if (moreOf(line) === 0) {
          for (const { line: each, place } of batch) {
            if (each === undefined || !this.apply(each, place)) {
              if (!this.#lock.isUsed && !files.isReadOnly) return false
              this.reject(place)
            }
            active.position = place.offset + place.length
          }
          batch = []
          if (isDeltaLine(line)) {
            this.#latest = line
            end += this.#applyRun(line, bytes, end, { segment, offset: start + end })
          }
          active.position = start + end
        }
        found = lineAt(bytes, end)
      }
      if (batch.length === 0) active.position = start + bytes.length
    }
    return !this.#lock.isUsed || active.position === size
  }

  /** Under the lock: incomplete lines at the end are those of a process that died while it wrote. */
  #repair() {
    const { active } = this.files
    if (active === undefined) return
    const size = active.file.size
    const bytes = active.file.read(active.position, size - active.position)
    const found = [...splitLines(Buffer.concat([bytes, Buffer.from("\n")]))]
    if (found.every(({ line }) => line !== undefined) && moreOf(found.at(-1)?.line) === 0) {
      // Editors leave out the end of the last line.
      active.file.append(Buffer.from("\n"), size)
      this.catchUp()
      return
    }
    active.file.truncate(active.position)
    this.#observer.onTorn(bytes.length)
  }

  /** Under the lock: erases what the process that removed a conversation has left. */
  #eraseLeftovers() {
    if (this.#leftovers.length === 0) return
    const found = this.#leftovers
    this.#leftovers = []
    this.files.erase(
      found.flatMap(({ extent, id }) => {
        const { length, offset, segment } = extent
        const line = lineAt(this.files.fileOf(segment).read(offset, length), 0)?.line
        return line !== undefined && !isSegment(line) && line.conversation === id ? [extent] : []
      })
    )
  }

  /** Under the lock: indexes everything that was written, and repairs what is wrong. */
  settle(size?: number) {
    if (!this.catchUp(size)) this.#repair()
    this.#settled = this.#lock.held
    this.#eraseLeftovers()
    if (this.#damaged.length === 0) return
    const found = this.#damaged
    this.#damaged = []
    this.quarantine(found)
  }

  /** Under the lock: moves lines to the quarantine. */
  quarantine(found: ReadonlyArray<Damaged>) {
    this.files.quarantine(found)
    this.#observer.onDamaged(found)
  }

  /** Forgets all places in a segment. */
  forgetSegment(segment: number) {
    this.#leftovers = this.#leftovers.filter(({ extent }) => extent.segment !== segment)
    for (const conversation of this.index.conversations.values()) conversation.leave(segment)
  }

  /** Forgets everything, so that all files are indexed again. */
  startAgain() {
    this.index.clear()
    this.#latest = undefined
    this.files.close()
    this.#leftovers = []
    this.#damaged = []
    this.isFirst = true
    this.isThorough = true
    this.#observer.onReload()
  }
}
