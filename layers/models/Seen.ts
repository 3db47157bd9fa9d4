/** State of one attempt of a model call: passes on the parts it receives, and counts what was used so far. */
import type { Clock } from "effect"
import type * as Response from "effect/ai/Response"
import { estimateTokens } from "../ledger/estimateTokens.ts"
import type { Usage } from "../ledger/Spend.ts"
import type { Part, Sink } from "./Adapter.ts"
import type { PartQueue } from "./PartQueue.ts"
import { merged, usageOf, type Reported } from "./usage.ts"

const textOf = (part: Part): string =>
  part.type === "text-delta" || part.type === "reasoning-delta" || part.type === "tool-params-delta"
    ? part.delta
    : ""

/** In characters. */
const maxText = 16_384
/** Characters of a model's name that are kept. */
const maxName = 200

export class Seen implements Sink {
  readonly started: number
  /** When the last event arrived. All times are in milliseconds of the monotonic clock. */
  last: number
  /** The reader is slow, and the connection waits for it. */
  blocked = false
  /** When the first part arrived. */
  first: number | undefined
  /** The provider has accepted the request. */
  accepted = false
  reported: Reported | undefined
  /** The model as the provider names it. */
  model: string | undefined
  /** Received text that is not estimated yet, and the estimate of what came before it. */
  #text = ""
  #estimated = 0
  #held: Response.StreamPartEncoded | undefined
  /** Parts since the last flush. */
  #pending: Array<Response.StreamPartEncoded> = []
  readonly #clock: Clock.Clock
  readonly #queue: PartQueue

  constructor(clock: Clock.Clock, queue: PartQueue) {
    this.#clock = clock
    this.#queue = queue
    this.started = this.last = this.#now()
  }

  #now() {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1e6
  }

  /** Estimated number of received tokens. */
  get outputTokens(): number {
    this.#estimated += estimateTokens(this.#text)
    this.#text = ""
    return this.#estimated
  }

  readonly alive = () => {
    this.accepted = true
    this.last = this.#now()
  }

  readonly usage = (reported: Reported) => {
    this.reported = merged(this.reported, reported)
  }

  readonly emit = (part: Part) => {
    if (part.type === "response-metadata") {
      // Held back: until the first part of the response the call can still be retried.
      this.model = part.modelId?.slice(0, maxName) || undefined
      this.#held = { ...part, ...(this.model !== undefined && { modelId: this.model }) }
      return
    }
    this.first ??= this.#now()
    if (this.#held !== undefined) this.#pending.push(...this.#release())
    this.#text += textOf(part)
    // In pieces, so that the text of a long response is not kept.
    if (this.#text.length > maxText) void this.outputTokens
    this.#pending.push(part)
  }

  readonly flush = (): Promise<void> | undefined => {
    if (this.#pending.length === 0) return undefined
    const parts = this.#pending
    this.#pending = []
    const room = this.#queue.offer(parts)
    return room && this.#wait(room)
  }

  /** Waits for a slow reader. */
  async #wait(room: Promise<void>): Promise<void> {
    this.blocked = true
    await room
    this.blocked = false
    this.last = this.#now()
  }

  #release(): ReadonlyArray<Response.StreamPartEncoded> {
    const held = this.#held
    this.#held = undefined
    return held === undefined ? [] : [held]
  }

  /** All parts that were not passed on yet. */
  release(): ReadonlyArray<Response.StreamPartEncoded> {
    const pending = this.#pending
    this.#pending = []
    return [...pending, ...this.#release()]
  }

  /** Milliseconds until the first part. */
  get timeToFirstToken(): number | undefined {
    return this.first === undefined ? undefined : this.first - this.started
  }

  /** Usage so far, reported or estimated; `complete`: the response ended normally. */
  usageOf(
    inputTokens: () => number,
    complete: boolean
  ): { readonly usage: Required<Usage>; readonly uncertain: boolean } {
    const { reported } = this
    const { doubtful = true, input = 0, output } = reported ?? {}
    // Some servers report zero tokens of a text.
    const isOutputMissing = output === undefined || (output === 0 && this.outputTokens > 0)
    return {
      usage: usageOf(
        input === 0 ? inputTokens() : input,
        isOutputMissing || !complete ? Math.max(output ?? 0, this.outputTokens) : output,
        reported
      ),
      uncertain: doubtful || !complete || input === 0 || isOutputMissing
    }
  }
}
