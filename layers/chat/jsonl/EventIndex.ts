/** Index of `events.jsonl`: where the events of each conversation are, and the state that follows from them. */
import { isDelta } from "../ChatEvent.ts"
import { ConversationState } from "../ConversationState.ts"
import { ConversationSums } from "../roomFor.ts"
import type { EventLine } from "./lines.ts"

/** Adjacent events of one conversation in one file. */
export interface Extent {
  readonly segment: number
  offset: number
  /** In bytes. */
  length: number
  readonly first: number
  last: number
  readonly isDelta: boolean
}

/** Adjacent events are one extent up to this many bytes. */
const extentBytes = 64 * 2 ** 10

export interface Place {
  readonly segment: number
  readonly offset: number
  readonly length: number
}

export class IndexedConversation {
  readonly state: ConversationState
  /** By `seq`; without the deltas of stored messages. */
  extents: Array<Extent> = []
  /** Deltas of stored messages, in files that still have them. */
  superseded: Array<Extent> = []
  readonly claims: Array<string> = []
  readonly #deltas = new Map<number, Array<Extent>>()

  constructor(id: string) {
    this.state = new ConversationState(id)
  }

  /** The next event; `first`: the first of several deltas, of which `line` is the last. */
  add(line: EventLine, place: Place, first: number) {
    this.#place(line, place, first)
    if (line.type === "user_message") this.#deltas.clear()
    if (line.type === "assistant_message") this.#supersede(line.hop ?? 0)
    this.state.apply(line, place.length, line.owner)
  }

  /** An event that is known already, in a segment that was written again. */
  replace(line: EventLine, place: Place) {
    this.#place(line, place, line.seq)
  }

  /** Forgets all places in the segment. */
  leave(segment: number) {
    const stays = (extent: Extent) => extent.segment !== segment
    this.extents = this.extents.filter(stays)
    this.superseded = this.superseded.filter(stays)
    for (const [hop, extents] of this.#deltas) this.#deltas.set(hop, extents.filter(stays))
  }

  sort() {
    this.extents.sort((one, other) => one.first - other.first)
  }

  #place({ hop = 0, request_id, seq, type }: EventLine, { length, offset, segment }: Place, first: number) {
    const last = this.extents.at(-1)
    const isAdjacent =
      last?.segment === segment && last.offset + last.length === offset && last.length < extentBytes
    if (isDelta(type)) {
      // Those of an earlier turn have no message that could follow.
      const isOpen = request_id === this.state.running?.requestId
      const deltas = isOpen ? this.#deltas.get(hop) : undefined
      if (isAdjacent && deltas?.at(-1) === last) {
        last.length += length
        last.last = seq
        return
      }
      const extent: Extent = { segment, offset, length, first, last: seq, isDelta: true }
      this.extents.push(extent)
      if (deltas !== undefined) deltas.push(extent)
      else if (isOpen) this.#deltas.set(hop, [extent])
    } else if (isAdjacent && !last.isDelta) {
      last.length += length
      last.last = seq
    } else this.extents.push({ segment, offset, length, first: seq, last: seq, isDelta: false })
  }

  #supersede(hop: number) {
    const deltas = this.#deltas.get(hop)
    if (deltas === undefined) return
    const gone = new Set(deltas)
    this.extents = this.extents.filter((extent) => !gone.has(extent))
    for (const extent of deltas) this.superseded.push(extent)
    this.#deltas.delete(hop)
  }
}

export class EventIndex {
  readonly conversations = new Map<string, IndexedConversation>()
  readonly sums = new ConversationSums()
  /** Conversation and `seq` of each user's message, by `claimOf`. */
  readonly claims = new Map<string, { readonly conversation: string; readonly seq: number }>()

  static claimOf(principal: string, requestId: string): string {
    return JSON.stringify([principal, requestId])
  }

  /** False: the line repeats an earlier event, or is out of order. */
  add(line: EventLine, place: Place, first = line.seq): boolean {
    let found = this.conversations.get(line.conversation)
    if (found !== undefined && first <= found.state.lastSeq) return false
    if (found === undefined) {
      found = new IndexedConversation(line.conversation)
      this.conversations.set(line.conversation, found)
      this.sums.add(found.state)
    }
    const { bytes, principal } = found.state
    found.add(line, place, first)
    this.sums.change(found.state, principal, bytes)
    if (line.type === "user_message") {
      const claim = EventIndex.claimOf(found.state.principal, line.request_id ?? "")
      this.claims.set(claim, { conversation: line.conversation, seq: line.seq })
      found.claims.push(claim)
    }
    return true
  }

  remove(id: string): IndexedConversation | undefined {
    const found = this.conversations.get(id)
    if (found !== undefined) this.sums.remove(found.state)
    this.conversations.delete(id)
    for (const claim of found?.claims ?? []) this.claims.delete(claim)
    return found
  }

  clear() {
    this.conversations.clear()
    this.claims.clear()
    this.sums.clear()
  }

  /** Bytes of each segment that are in use. */
  get liveBytes(): ReadonlyMap<number, number> {
    const live = new Map<number, number>()
    for (const { extents } of this.conversations.values()) {
      for (const { length, segment } of extents) live.set(segment, (live.get(segment) ?? 0) + length)
    }
    return live
  }
}
