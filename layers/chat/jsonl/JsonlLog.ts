/**
 * The log of all conversations as lines of `events.jsonl`, shared by processes. A process writes under an exclusive lock,
 * after it has indexed what others wrote; reading takes no lock.
 */
import { Effect, Semaphore } from "effect"
import { ChatStoreError } from "../ChatStore.ts"
import { isDelta } from "../ConversationState.ts"
import { deltaRun } from "./deltaRun.ts"
import { EventIndex, type Extent, type IndexedConversation, type Place } from "./EventIndex.ts"
import {
  conversationIn,
  encodeLine,
  type EventLine,
  isRemoved,
  isSegment,
  type Line,
  type Written
} from "./lines.ts"
import { LogLock, unavailable } from "./LogLock.ts"
import { Moved, type SegmentFiles } from "./SegmentFiles.ts"
import { lineAt, moreOf, splitLines } from "./splitLines.ts"

export interface Damaged extends Place {
  readonly conversation: string | undefined
}

interface Observer {
  /** Whether `onLine` must see each event of the conversation; it sees the last one of adjacent deltas otherwise. */
  readonly isRead: (conversation: string) => boolean
  /** A line that another process wrote was indexed. */
  readonly onLine: (line: EventLine) => void
  readonly onRemoved: (id: string) => void
  /** Everything was indexed again. */
  readonly onReload: () => void
  /** An incomplete line at the end was removed. */
  readonly onTorn: (bytes: number) => void
  /** Lines were moved to the quarantine; runs under the lock. */
  readonly onDamaged: (damaged: ReadonlyArray<Damaged>) => void
}

/** Bytes that are indexed before other work continues. */
const pieceBytes = 256 * 2 ** 10

const changing = new ChatStoreError({
  reason: "damaged",
  message: "Files of conversations were changed while they were read. Try again."
})

const isDeltaLine = (line: Line | undefined): line is EventLine =>
  line !== undefined && !isSegment(line) && isDelta(line.type)

const isPermission = (cause: unknown) =>
  cause instanceof Error && "code" in cause && ["EACCES", "EPERM", "EROFS"].includes(String(cause.code))

export const makeLog = Effect.fnUntraced(function* (files: SegmentFiles, observer: Observer) {
  const index = new EventIndex()
  const lock = new LogLock(files.lockPath, () => {
    // What is wrong is found again under the lock.
    if (!isStale) catchUp(files.activeSize)
  })
  const loading = yield* Semaphore.make(1)
  /** Parts of removed conversations that may still be in the files. */
  let leftovers: Array<{ readonly id: string; readonly extent: Extent }> = []
  let damaged: Array<Damaged> = []
  let isStale = true
  let isFirst = true
  /** For what was appended. */
  let appended = Buffer.alloc(0)
  /** The last delta that another process wrote. */
  let latest: EventLine | undefined
  /** Whether each line is parsed as a whole when it is indexed. */
  let isThorough = true
  /** The time of `lock.held` since which nothing was written that is not indexed. */
  let settled: number | undefined

  const removeFromIndex = (id: string) => {
    const found = index.remove(id)
    for (const extent of found === undefined ? [] : [...found.extents, ...found.superseded]) {
      leftovers.push({ id, extent })
    }
    observer.onRemoved(id)
  }

  const reject = (place: Place) => {
    const text = files.fileOf(place.segment).read(place.offset, place.length).toString()
    damaged.push({ ...place, conversation: conversationIn(text) })
  }

  const apply = (line: Line, place: Place): boolean => {
    if (isSegment(line)) return true
    if (isRemoved(line)) {
      removeFromIndex(line.conversation)
      return true
    }
    if (!index.add(line, place)) return false
    observer.onLine(line)
    return true
  }

  /** Indexes deltas that follow one of the same message. The result: their length in bytes. */
  const applyRun = (line: EventLine, bytes: Buffer, from: number, place: Omit<Place, "length">): number => {
    if (isThorough || observer.isRead(line.conversation)) return 0
    const run = deltaRun(line, bytes, from)
    if (run === undefined) return 0
    const last = { ...line, seq: run.lastSeq, timestamp: run.timestamp }
    if (!index.add(last, { ...place, length: run.length }, line.seq + 1)) return 0
    latest = last
    observer.onLine(last)
    return run.length
  }

  /** Indexes what was appended. False: it must be repaired under the lock. */
  const catchUp = (size = files.active?.file.size ?? 0): boolean => {
    const { active } = files
    if (active === undefined || size === active.position) return true
    if (appended.length === 0) appended = Buffer.allocUnsafe(pieceBytes)
    const { segment } = active
    /** Lines whose later ones were not read yet. */
    let batch: Array<{ readonly line: Line | undefined; readonly place: Place }> = []
    for (const [start, bytes] of files.chunks(
      active.file,
      active.position,
      size,
      appended.length,
      appended
    )) {
      const run =
        latest === undefined || batch.length > 0 ? 0 : applyRun(latest, bytes, 0, { segment, offset: start })
      active.position += run
      for (let found = lineAt(bytes, run); found !== undefined;) {
        const { length, line, offset } = found
        let end = offset + length
        batch.push({ line, place: { segment, offset: start + offset, length } })
        if (moreOf(line) === 0) {
          for (const { line: each, place } of batch) {
            if (each === undefined || !apply(each, place)) {
              if (!lock.isUsed && !files.isReadOnly) return false
              reject(place)
            }
            active.position = place.offset + place.length
          }
          batch = []
          if (isDeltaLine(line)) {
            latest = line
            end += applyRun(line, bytes, end, { segment, offset: start + end })
          }
          active.position = start + end
        }
        found = lineAt(bytes, end)
      }
      if (batch.length === 0) active.position = start + bytes.length
    }
    return !lock.isUsed || active.position === size
  }

  /** Under the lock: incomplete lines at the end are those of a process that died while it wrote. */
  const repair = () => {
    const { active } = files
    if (active === undefined) return
    const size = active.file.size
    const bytes = active.file.read(active.position, size - active.position)
    const found = [...splitLines(Buffer.concat([bytes, Buffer.from("\n")]))]
    if (found.every(({ line }) => line !== undefined) && moreOf(found.at(-1)?.line) === 0) {
      // Editors leave out the end of the last line.
      active.file.append(Buffer.from("\n"), size)
      catchUp()
      return
    }
    active.file.truncate(active.position)
    observer.onTorn(bytes.length)
  }

  /** Under the lock: erases what the process that removed a conversation has left. */
  const eraseLeftovers = () => {
    if (leftovers.length === 0) return
    const found = leftovers
    leftovers = []
    files.erase(
      found.flatMap(({ extent, id }) => {
        const { length, offset, segment } = extent
        const line = lineAt(files.fileOf(segment).read(offset, length), 0)?.line
        return line !== undefined && !isSegment(line) && line.conversation === id ? [extent] : []
      })
    )
  }

  /** Under the lock. */
  const settle = (size?: number) => {
    if (!catchUp(size)) repair()
    settled = lock.held
    eraseLeftovers()
    if (damaged.length === 0) return
    const found = damaged
    damaged = []
    files.quarantine(found)
    observer.onDamaged(found)
  }

  const forgetSegment = (segment: number) => {
    leftovers = leftovers.filter(({ extent }) => extent.segment !== segment)
    for (const conversation of index.conversations.values()) conversation.leave(segment)
  }

  const attempt = <A>(what: string, run: () => A) =>
    Effect.try({ try: run, catch: (cause) => unavailable(what, cause) })

  /**
   * Indexes a sealed segment. `mayRepeat`: events of it may be known, so that only their places are new. False: the file was
   * replaced since it was listed.
   */
  const scan = Effect.fnUntraced(function* (segment: number, mayRepeat: boolean) {
    if (mayRepeat) forgetSegment(segment)
    const changed = new Set<IndexedConversation>()
    const file = yield* attempt("read", () => files.openSealed(segment))
    if (file === undefined) return false
    for (const [start, bytes] of files.chunks(file, 0, file.size, pieceBytes)) {
      for (const { length, line, offset } of splitLines(bytes)) {
        const place = { segment, offset: start + offset, length }
        if (line === undefined) reject(place)
        else if (!mayRepeat) {
          if (!apply(line, place)) reject(place)
        } else if (!isSegment(line) && !isRemoved(line)) {
          const known = index.conversations.get(line.conversation)
          if (known === undefined || line.seq > known.state.lastSeq) apply(line, place)
          else {
            known.replace(line, place)
            changed.add(known)
          }
        }
      }
      yield* Effect.yieldNow
    }
    for (const conversation of changed) conversation.sort()
    return true
  })

  const startAgain = () => {
    index.clear()
    latest = undefined
    files.close()
    leftovers = []
    damaged = []
    isFirst = true
    isThorough = true
    observer.onReload()
  }

  /** Indexes `events.jsonl` without the lock, in pieces between which other work continues, but its last piece. */
  const indexActive = Effect.fnUntraced(function* (newest: number) {
    if (files.active === undefined) yield* attempt("read", () => files.openActive(newest))
    for (;;) {
      const { active } = files
      if (active === undefined || active.file.size - active.position <= pieceBytes) return
      const { position } = active
      const isRight = yield* attempt("read", () => catchUp(position + pieceBytes))
      if (!isRight || active.position === position) return
      yield* Effect.yieldNow
    }
  })

  /** Indexes the files that were written since. */
  const load = Effect.fnUntraced(function* () {
    const listed = yield* attempt("read", () => {
      try {
        files.makeFolder()
        lock.probe()
        files.isReadOnly = false
      } catch (cause) {
        if (!isPermission(cause)) throw cause
        files.isReadOnly = true
      }
      return () => files.listSealed()
    })
    for (;;) {
      const sealed = listed()
      let isListed = true
      if (!isFirst && files.active !== undefined && files.activeSize === undefined) {
        // Sealed by another process: what it wrote last is in the file that is open. Otherwise: edited.
        if (sealed.has(files.active.segment)) catchUp()
        else startAgain()
      }
      for (const [segment, inode] of sealed) {
        if (files.sealed.get(segment)?.inode === inode) continue
        const { active } = files
        if (active?.segment === segment) {
          // If everything in it is indexed, nothing but its name is new.
          const isIndexed = active.file.inode === inode && active.position === active.file.size
          files.retireActive()
          if (isIndexed) continue
        }
        const mayRepeat = !isFirst || files.sealed.has(segment)
        files.forgetSealed(segment)
        files.sealed.set(segment, { inode })
        isListed = yield* scan(segment, mayRepeat)
        if (isListed) continue
        // Later segments must not be indexed before this one.
        files.forgetSealed(segment)
        break
      }
      if (!isListed) continue
      for (const segment of files.sealed.keys()) {
        if (sealed.has(segment)) continue
        files.forgetSealed(segment)
        forgetSegment(segment)
      }
      if (isFirst) yield* indexActive(Math.max(0, ...sealed.keys()))
      const open = () => {
        const now = listed()
        if ([...now].some(([segment, inode]) => sealed.get(segment) !== inode)) return false
        if (isFirst && files.active !== undefined && files.activeSize === undefined) {
          startAgain()
          return false
        }
        const newest = Math.max(0, ...now.keys())
        if (files.active === undefined || files.activeSize === undefined) {
          files.closeActive()
          files.openActive(newest)
        }
        // A process died after it had sealed the file.
        if (files.active !== undefined && now.has(files.active.segment) && !files.isReadOnly) {
          files.closeActive()
          files.replaceActive(newest + 1)
        }
        if (isFirst && !files.isReadOnly) files.removeTemporary()
        isFirst = false
        isStale = false
        if (files.isReadOnly) catchUp()
        else settle()
        isThorough = false
        return true
      }
      const isDone = yield* files.isReadOnly ? attempt("read", open) : lock.run("read", open)
      if (isDone) return
    }
  })

  const ready = loading.withPermit(Effect.suspend(() => (isStale ? load() : Effect.void)))

  /** A file was changed by other means: its index is made again, and then the whole index. */
  const movedTimes = () => {
    let times = 0
    return (cause: unknown) => {
      if (!(cause instanceof Moved)) throw cause
      isStale = true
      if (++times === 2) startAgain()
      if (times > 2) throw changing
    }
  }

  const transact = <A>(what: string, use: () => A): Effect.Effect<A, ChatStoreError> => {
    let moved: ((cause: unknown) => void) | undefined
    /** Under the lock. Undefined: the files must be indexed again. */
    const current = () => {
      try {
        const isSettled = settled === lock.held
        const size = isSettled ? files.active?.position : files.activeSize
        if (size !== undefined) {
          settle(size)
          return { value: use() }
        }
        isStale = true
      } catch (cause) {
        moved ??= movedTimes()
        moved(cause)
      }
      return undefined
    }
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() =>
      isStale
        ? Effect.andThen(ready, once)
        : Effect.flatMap(lock.run(what, current), (done) =>
            done === undefined ? once : Effect.succeed(done.value)
          )
    )
    return Effect.suspend(() => {
      try {
        const done = isStale ? undefined : lock.now(current)?.value
        if (done !== undefined) return Effect.succeed(done.value)
      } catch (cause) {
        return Effect.fail(cause instanceof ChatStoreError ? cause : unavailable(what, cause))
      }
      return Effect.uninterruptible(once)
    })
  }

  const query = <A>(use: () => A): Effect.Effect<A, ChatStoreError> => {
    const moved = movedTimes()
    const once: Effect.Effect<A, ChatStoreError> = Effect.suspend(() => {
      if (isStale) return Effect.andThen(ready, once)
      try {
        const size = files.activeSize
        if (size === undefined) isStale = true
        else return catchUp(size) ? Effect.succeed(use()) : transact("read", use)
      } catch (cause) {
        try {
          moved(cause)
        } catch (error) {
          return Effect.fail(error instanceof ChatStoreError ? error : unavailable("read", error))
        }
      }
      return once
    })
    return once
  }

  return {
    index,
    files,
    /** Runs `use` alone among all processes. It may throw `ChatStoreError`. */
    transact,
    /** Runs `use` with everything indexed that was written before. It must not write. */
    query,
    /** Under the lock: appends lines and indexes them. */
    write: ({ buffer, size }: Written, lines: ReadonlyArray<readonly [EventLine, number]>) => {
      if (files.active === undefined) {
        files.makeFolder()
        files.replaceActive(Math.max(0, ...files.sealed.keys()) + 1)
      }
      const { active } = files
      if (active === undefined) return
      active.file.append(buffer, active.position, size)
      for (const [line, length] of lines) {
        index.add(line, { segment: active.segment, offset: active.position, length })
        active.position += length
      }
    },
    /** Under the lock: removes the conversation and erases what was said. */
    remove: (id: string, timestamp: string) => {
      const { active } = files
      const found = index.conversations.get(id)
      if (active === undefined || found === undefined) return
      const places = [...found.extents, ...found.superseded]
      files.verify(places)
      const line = encodeLine({ type: "conversation_removed", conversation: id, timestamp })
      active.file.append(line, active.position)
      active.position += line.length
      index.remove(id)
      observer.onRemoved(id)
      files.erase(places)
    },
    /** Everything is indexed again at the next use. */
    reset: () => {
      startAgain()
      isStale = true
    },
    /** Under the lock: quarantines lines that were found to be damaged when they were read. */
    quarantine: (found: ReadonlyArray<Damaged>) => {
      files.quarantine(found)
      observer.onDamaged(found)
    },
    close: () => {
      lock.close()
      files.close()
    }
  }
})
export type JsonlLog = Effect.Success<ReturnType<typeof makeLog>>
