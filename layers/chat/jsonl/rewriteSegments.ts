/** Rewrites sealed segments that are mostly unused, without the deltas of stored messages and removed conversations. */
import { Effect } from "effect"
import { fileLock } from "../../platform/FileLock.ts"
import { LogFile, removeFile } from "../../platform/LogFile.ts"
import type { ChatStoreError } from "../ChatStore.ts"
import type { EventIndex, Extent } from "./EventIndex.ts"
import type { JsonlLog } from "./JsonlLog.ts"
import { encodeLine } from "./lines.ts"
import { unavailable } from "./LogLock.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"

/** Segments are rewritten if less than this part of them is in use. */
const worthKeeping = 0.75
/** Bytes that are copied before other work continues. */
const pieceBytes = 256 * 2 ** 10
/** Bytes that are read at once. */
const nearBytes = 64 * 2 ** 10

/** Extents in the segment, those of one conversation side by side. */
const extentsIn = (index: EventIndex, segment: number): ReadonlyArray<Extent> =>
  [...index.conversations.values()].flatMap(({ extents }) =>
    extents.filter((extent) => extent.segment === segment)
  )

/** Writes the extents into a new file, one piece with each step. The result: where each begins. */
function* copy(from: LogFile, to: LogFile, segment: number, extents: ReadonlyArray<Extent>) {
  const offsets: Array<number> = []
  let size = 0
  let waiting = 0
  let buffered: Array<Uint8Array> = []
  const add = (bytes: Uint8Array) => {
    buffered.push(bytes)
    waiting += bytes.length
  }
  const flush = () => {
    to.append(Buffer.concat(buffered), size)
    size += waiting
    buffered = []
    waiting = 0
  }
  add(encodeLine({ type: "log_segment", segment }))
  let near = { start: 0, bytes: Buffer.alloc(0) }
  for (const { length, offset } of extents) {
    offsets.push(size + waiting)
    // Events of a conversation are often close to each other.
    if (offset < near.start || offset + length > near.start + near.bytes.length) {
      near = { start: offset, bytes: from.read(offset, Math.max(length, nearBytes)) }
    }
    add(near.bytes.subarray(offset - near.start, offset - near.start + length))
    if (waiting < pieceBytes) continue
    flush()
    yield
  }
  flush()
  return offsets
}

/** Whether everything in use was copied, and nothing of a conversation that was removed meanwhile. */
const isCopied = (index: EventIndex, segment: number, places: ReadonlyMap<Extent, number>): boolean => {
  const known = new Set(extentsIn(index, segment))
  for (const extent of known) if (!places.has(extent)) return false
  for (const { superseded } of index.conversations.values()) {
    for (const extent of superseded) known.add(extent)
  }
  return [...places.keys()].every((extent) => known.has(extent))
}

/** Under the lock: the segment is the new file from now on. */
const replace = (
  { index, files }: JsonlLog,
  segment: number,
  file: LogFile,
  places: ReadonlyMap<Extent, number>
) => {
  files.replaceSealed(segment, file)
  for (const [extent, offset] of places) extent.offset = offset
  for (const conversation of index.conversations.values()) {
    conversation.superseded = conversation.superseded.filter(
      (extent) => extent.segment !== segment || places.has(extent)
    )
  }
}

/** Segments that are mostly unused. */
const unused = (index: EventIndex, files: SegmentFiles): ReadonlyArray<number> => {
  const live = index.liveBytes
  return [...files.sealed.keys()].filter(
    (segment) => (live.get(segment) ?? 0) < worthKeeping * files.fileOf(segment).size
  )
}

const rewrite = Effect.fnUntraced(function* (log: JsonlLog, segment: number) {
  const { files, index } = log
  const begun = yield* log.query(() => {
    // The index has places of a file that another process has replaced.
    if (!files.isCurrent(segment)) return undefined
    const from = files.fileOf(segment)
    return { from, extents: extentsIn(index, segment), erasures: files.erasures(segment) }
  })
  if (begun === undefined) return
  const { erasures, extents, from } = begun
  /** Under the lock: whether the file, and what it contains of each conversation, are the same as at the beginning. */
  const isSame = () =>
    files.sealed.get(segment)?.inode === from.inode &&
    files.isCurrent(segment) &&
    files.erasures(segment) === erasures
  if (extents.length === 0) {
    return yield* log.transact("written", () => {
      if (isSame() && extentsIn(index, segment).length === 0) files.removeSealed(segment)
    })
  }
  const path = files.temporaryPath(segment)
  const attempt = <A>(run: () => A) =>
    Effect.try({ try: run, catch: (cause) => unavailable("written", cause) })
  let isDone = false
  yield* Effect.acquireUseRelease(
    attempt(() => {
      removeFile(path)
      return new LogFile(path, "create")
    }),
    Effect.fnUntraced(function* (file) {
      const copying = copy(from, file, segment, extents)
      let step = yield* attempt(() => copying.next())
      while (step.done !== true) {
        yield* Effect.yieldNow
        if (!isSame()) return
        step = yield* attempt(() => copying.next())
      }
      const offsets = step.value
      yield* Effect.tryPromise({ try: () => file.sync(), catch: (cause) => unavailable("written", cause) })
      const places = new Map(extents.map((extent, at) => [extent, offsets[at] ?? 0]))
      yield* log.transact("written", () => {
        if (!isSame() || !isCopied(index, segment, places)) return
        replace(log, segment, file, places)
        isDone = true
      })
    }),
    (file) =>
      Effect.sync(() => {
        if (isDone) return
        file.close()
        removeFile(path)
      })
  )
})

/** Does nothing while another process rewrites segments. */
export const rewriteSegments = (log: JsonlLog): Effect.Effect<void, ChatStoreError> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const lock = fileLock(`${log.files.lockPath}.rewrite`)
      return { lock, isTaken: lock.tryLock() }
    }),
    ({ isTaken }) =>
      isTaken
        ? Effect.flatMap(
            log.query(() => unused(log.index, log.files)),
            (segments) => Effect.forEach(segments, (segment) => rewrite(log, segment), { discard: true })
          )
        : Effect.void,
    ({ lock }) => Effect.sync(() => lock.close())
  )
