/** Seals `events.jsonl` as a segment without superseded deltas, and rewrites segments that are mostly unused. */
import type { EventIndex, Extent } from "./EventIndex.ts"
import type { SegmentFiles } from "./SegmentFiles.ts"

/** Segments are rewritten if less than this part of them is in use. */
const worthKeeping = 0.5
/** Segments that are rewritten at once, since all processes wait. */
const rewritesAtOnce = 2

/** Extents in the segment, those of one conversation side by side. */
const extentsIn = (index: EventIndex, segment: number): ReadonlyArray<Extent> =>
  [...index.conversations.values()].flatMap(({ extents }) =>
    extents.filter((extent) => extent.segment === segment)
  )

const write = (index: EventIndex, files: SegmentFiles, segment: number) => {
  const from = files.fileOf(segment)
  const extents = extentsIn(index, segment)
  if (extents.length === 0 && files.active?.segment !== segment) {
    files.removeSealed(segment)
    return
  }
  files.writeSealed(
    segment,
    extents.map((extent) => ({ from, extent }))
  )
  for (const conversation of index.conversations.values()) {
    conversation.superseded = conversation.superseded.filter((extent) => extent.segment !== segment)
  }
}

/** Under the lock, with everything indexed. The other processes see that `events.jsonl` is another file. */
export const seal = (index: EventIndex, files: SegmentFiles) => {
  const { active } = files
  if (active === undefined) return
  const live = index.liveBytes
  const unused = [...files.sealed.keys()]
    .filter((segment) => (live.get(segment) ?? 0) < worthKeeping * files.fileOf(segment).size)
    .slice(0, rewritesAtOnce)
  for (const segment of unused) write(index, files, segment)
  write(index, files, active.segment)
  files.retire(active.file)
  files.replaceActive(active.segment + 1)
}
