/** Follows one call: what its handler says becomes events that only go forward, not too many, and none after its end. */
import { type Clock, Duration, Effect, type Fiber } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { TokenBucket, type Rate } from "./TokenBucket.ts"
import { EtaEstimator } from "./EtaEstimator.ts"
import { type Notice, ProgressPart, type NoticeSink } from "./ProgressPart.ts"
import type { Reporter } from "./Progress.ts"
import type { ProgressEvent, ProgressEventType } from "./ProgressEvent.ts"

/** Told synchronously, within the call; it must neither throw nor wait. */
export type Listener = (event: ProgressEvent) => void
/** Told of everybody's calls: nobody but the owner may see what is done for a principal. */
export type CallsListener = (owner: Principal, event: ProgressEvent) => void

type Status = Outcome["status"]

/** The last event of a call that ended so. */
const lastEvents = {
  succeeded: "progress_completed",
  suspended: "progress_suspended",
  refused: "progress_failed",
  failed: "progress_failed",
  died: "progress_failed",
  interrupted: "progress_interrupted"
} as const satisfies Record<Status, ProgressEventType>

export interface Tracker {
  /** For the handler. */
  readonly progress: Reporter
  /** Tells this listener, too, from now on. */
  readonly listen: (listener: Listener) => void
  /** Publishes the last event, if there were any before it, and nothing from then on. */
  readonly end: (status: Status) => void
}

/** What a call's events say of it; asked when the first one is told, and not before. */
export type Subject = Pick<Call, "name" | "requestId" | "correlationId" | "principal">

/** What all calls have in common. */
export interface Shared {
  readonly listeners: ReadonlySet<CallsListener>
  readonly newId: () => string
  readonly rate: Rate
}

const milliseconds = (clock: Clock.Clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** What a call has only once it told something. */
interface ProgressState {
  readonly clock: Clock.Clock
  readonly started: number
  readonly bucket: TokenBucket
  readonly eta: EtaEstimator
}

class CallTracker implements Tracker, NoticeSink {
  readonly progress = new ProgressPart(this)
  readonly #subject: Subject
  readonly #shared: Shared
  #listeners: ReadonlyArray<Listener>
  #state: ProgressState | undefined
  #fraction = 0
  #step: string | null = null
  /** The latest that was too soon to be told, and what will tell it. */
  #late: Notice | undefined
  #timer: Fiber.Fiber<void> | undefined
  #ended = false

  constructor(subject: Subject, shared: Shared, listeners: ReadonlyArray<Listener>) {
    this.#subject = subject
    this.#shared = shared
    this.#listeners = listeners
  }

  readonly listen = (listener: Listener) => {
    this.#listeners = [...this.#listeners, listener]
  }

  newId() {
    return this.#shared.newId()
  }

  during(make: () => Notice | undefined, forced = false) {
    return Effect.clockWith((clock) => {
      const notice = this.#ended ? undefined : make()
      if (notice !== undefined && this.#hasListeners) this.#take(clock, notice, forced)
      return Effect.void
    })
  }

  readonly end = (status: Status) => {
    if (this.#ended) return
    this.#ended = true
    this.#timer?.interruptUnsafe()
    const state = this.#state
    if (state === undefined || !this.#hasListeners) return
    if (this.#late !== undefined) this.#publish(state, this.#late)
    if (status === "succeeded") this.progress.reach(1)
    this.#publish(state, { part: this.progress, type: lastEvents[status] })
  }

  get #hasListeners() {
    return this.#listeners.length > 0 || this.#shared.listeners.size > 0
  }

  #take(clock: Clock.Clock, notice: Notice, forced: boolean) {
    const now = milliseconds(clock)
    if (this.#state === undefined) {
      const bucket = new TokenBucket(this.#shared.rate, now)
      bucket.take(now)
      this.#state = { clock, started: now, bucket, eta: new EtaEstimator(now, this.#reached()) }
      const first =
        notice.type === "progress_update" ? { ...notice, type: "progress_started" as const } : notice
      this.#publish(this.#state, first)
    } else if (this.#state.bucket.take(now, forced)) {
      this.#publish(this.#state, notice)
    } else {
      this.#late = notice
      if (this.#timer === undefined) this.#publishLate(this.#state)
    }
  }

  #publishLate(state: ProgressState) {
    const { bucket, clock } = state
    // A fiber of its own, because an event may be due after the fiber that reported it has ended. `end` interrupts it.
    this.#timer = Effect.runFork(clock.sleep(Duration.millis(bucket.wait)))
    this.#timer.addObserver(() => {
      this.#timer = undefined
      if (this.#ended || this.#late === undefined) return
      if (bucket.take(milliseconds(clock))) this.#publish(state, this.#late)
      else this.#publishLate(state)
    })
  }

  #reached() {
    return (this.#fraction = Math.max(this.#fraction, this.progress.fraction))
  }

  #publish(state: ProgressState, { error, part, said, type }: Notice) {
    this.#late = undefined
    const now = milliseconds(state.clock)
    const fraction = this.#reached()
    state.eta.observe(now, fraction)
    this.#step = part.label ?? this.#step
    const { correlationId, name, principal, requestId } = this.#subject
    const { known } = this.progress
    const { details, ...figures } = said ?? {}
    const event: ProgressEvent = {
      event_type: type,
      tool: name,
      request_id: requestId,
      step: this.#step,
      progress_percent: known ? Math.round(fraction * 1000) / 10 : null,
      eta_ms: known ? (state.eta.rest ?? null) : null,
      elapsed_ms: Math.round(now - state.started),
      details: {
        ...details,
        progress_id: part.id,
        parent_id: part.whole?.id ?? null,
        ...figures,
        ...(error !== undefined && { error })
      },
      correlation_id: correlationId
    }
    for (const listener of this.#listeners) listener(event)
    for (const listener of this.#shared.listeners) listener(principal, event)
  }
}

export const make = (subject: Subject, shared: Shared, listeners: ReadonlyArray<Listener> = []): Tracker =>
  new CallTracker(subject, shared, listeners)
