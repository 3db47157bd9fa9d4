/** Indexes the files of the log that were written since they were indexed, without the lock but for the end of the last one. */
import { Effect } from "effect"
import type { IndexedConversation } from "./EventIndex.ts"
import { isRemoved, isSegment } from "./lines.ts"
import { type LogIndexer, pieceBytes } from "./LogIndexer.ts"
import { type LogLock, unavailable } from "./LogLock.ts"
import { splitLines } from "./splitLines.ts"

const isPermission = (cause: unknown) =>
  cause instanceof Error && "code" in cause && ["EACCES", "EPERM", "EROFS"].includes(String(cause.code))

const attempt = <A>(run: () => A) => Effect.try({ try: run, catch: (cause) => unavailable("read", cause) })

/**
 * Indexes a sealed segment. `mayRepeat`: events of it may be known, so that only their places are new. False: the file was
 * replaced since it was listed.
 */
const scan = Effect.fnUntraced(function* (indexer: LogIndexer, segment: number, mayRepeat: boolean) {
  const { files, index } = indexer
  if (mayRepeat) indexer.forgetSegment(segment)
  const changed = new Set<IndexedConversation>()
  const file = yield* attempt(() => files.openSealed(segment))
  if (file === undefined) return false
  for (const [start, bytes] of files.chunks(file, 0, file.size, pieceBytes)) {
    for (const { length, line, offset } of splitLines(bytes)) {
      const place = { segment, offset: start + offset, length }
      if (line === undefined) indexer.reject(place)
      else if (!mayRepeat) {
        if (!indexer.apply(line, place)) indexer.reject(place)
      } else if (!isSegment(line) && !isRemoved(line)) {
        const known = index.conversations.get(line.conversation)
        if (known === undefined || line.seq > known.state.lastSeq) indexer.apply(line, place)
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

/** Indexes `events.jsonl` without the lock, in pieces between which other work continues, but its last piece. */
const indexActive = Effect.fnUntraced(function* (indexer: LogIndexer, newest: number) {
  const { files } = indexer
  if (files.active === undefined) yield* attempt(() => files.openActive(newest))
  for (;;) {
    const { active } = files
    if (active === undefined || active.file.size - active.position <= pieceBytes) return
    const { position } = active
    const isRight = yield* attempt(() => indexer.catchUp(position + pieceBytes))
    if (!isRight || active.position === position) return
    yield* Effect.yieldNow
  }
})

/** Opens or makes `events.jsonl`, and indexes its end. False: files were replaced meanwhile. */
const openActive = (indexer: LogIndexer, sealed: ReadonlyMap<number, number>): boolean => {
  const { files } = indexer
  const now = files.listSealed()
  if ([...now].some(([segment, inode]) => sealed.get(segment) !== inode)) return false
  if (indexer.isFirst && files.active !== undefined && files.activeSize === undefined) {
    indexer.startAgain()
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
  if (indexer.isFirst && !files.isReadOnly) files.removeTemporary()
  indexer.isFirst = false
  indexer.isStale = false
  if (files.isReadOnly) indexer.catchUp()
  else indexer.settle()
  indexer.isThorough = false
  return true
}

export const loadLog = Effect.fnUntraced(function* (indexer: LogIndexer, lock: LogLock) {
  const { files } = indexer
  yield* attempt(() => {
    try {
      files.makeFolder()
      lock.probe()
      files.isReadOnly = false
    } catch (cause) {
      if (!isPermission(cause)) throw cause
      files.isReadOnly = true
    }
  })
  for (;;) {
    const sealed = yield* attempt(() => files.listSealed())
    let isListed = true
    if (!indexer.isFirst && files.active !== undefined && files.activeSize === undefined) {
      // Sealed by another process: what it wrote last is in the file that is open. Otherwise: edited.
      if (sealed.has(files.active.segment)) indexer.catchUp()
      else indexer.startAgain()
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
      const mayRepeat = !indexer.isFirst || files.sealed.has(segment)
      files.forgetSealed(segment)
      files.sealed.set(segment, { inode })
      isListed = yield* scan(indexer, segment, mayRepeat)
      if (isListed) continue
      // Later segments must not be indexed before this one.
      files.forgetSealed(segment)
      break
    }
    if (!isListed) continue
    for (const segment of files.sealed.keys()) {
      if (sealed.has(segment)) continue
      files.forgetSealed(segment)
      indexer.forgetSegment(segment)
    }
    if (indexer.isFirst) yield* indexActive(indexer, Math.max(0, ...sealed.keys()))
    const open = () => openActive(indexer, sealed)
    const isDone = yield* files.isReadOnly ? attempt(open) : lock.run("read", open)
    if (isDone) return
  }
})
