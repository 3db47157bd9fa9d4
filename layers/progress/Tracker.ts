/** Tracker of one call: turns notices into events that never go backwards, are rate-limited, and stop with the call. */
import { type Clock, Duration, Effect, type Fiber } from "effect"
import type { Principal } from "../../src/domain/Principal.ts"
import type { Call, Outcome } from "../ledger/Calls.ts"
import { TokenBucket, type Rate } from "./TokenBucket.ts"
import { EtaEstimator } from "./EtaEstimator.ts"
import { type Notice, ProgressPart, type NoticeSink } from "./ProgressPart.ts"
import type { Reporter } from "./Progress.ts"
import type { ProgressEvent, ProgressEventType } from "./ProgressEvent.ts"

/** Called synchronously, within the call; must neither throw nor wait. */
export type Listener = (event: ProgressEvent) => void
/** Receives the events of all principals; must pass them on to their owner only. */
export type CallsListener = (owner: Principal, event: ProgressEvent) => void

type Status = Outcome["status"]

/** The last event of a call by its status. */
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
  /** Adds a listener. */
  readonly listen: (listener: Listener) => void
  /** Ends the tracker. Publishes the last event if there was an earlier one. */
  readonly end: (status: Status) => void
}

/** The call as its events name it. Read at the first event, because ids are generated lazily. */
export type Subject = Pick<Call, "name" | "requestId" | "correlationId" | "principal">

/** Shared by all calls. */
export interface Shared {
  readonly listeners: ReadonlySet<CallsListener>
  readonly newId: () => string
  readonly rate: Rate
}

const milliseconds = (clock: Clock.Clock) => Number(clock.monotonicTimeNanosUnsafe()) / 1e6

/** Created at the first report. */
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
  /** The latest notice beyond the rate limit, and the timer that publishes it. */
  #held: Notice | undefined
  #timer: Fiber.Fiber<void> | undefined
  #ended = false

  constructor(subject: Subject, shared: Shared, listeners: ReadonlyArray<Listener>) {
    this.#subject = subject
    this.#shared = shared
    this.#listeners = listeners
  }

  readonly listen = (listener: Listener) => {
    this.#listeners = this.#listeners.length === 0 ? [listener] : [...this.#listeners, listener]
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
    if (this.#held !== undefined) this.#publish(state, this.#held)
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
      this.#held = notice
      if (this.#timer === undefined) this.#publishHeld(this.#state)
    }
  }

  #publishHeld(state: ProgressState) {
    const { bucket, clock } = state
    // A separate fiber: an event may be due after the fiber that reported it has ended. `end` interrupts it.
    this.#timer = Effect.runFork(clock.sleep(Duration.millis(bucket.wait)))
    this.#timer.addObserver(() => {
      this.#timer = undefined
      if (this.#ended || this.#held === undefined) return
      if (bucket.take(milliseconds(clock))) this.#publish(state, this.#held)
      else this.#publishHeld(state)
    })
  }

  #reached() {
    return (this.#fraction = Math.max(this.#fraction, this.progress.fraction))
  }

  #publish(state: ProgressState, { error, part, type, update }: Notice) {
    this.#held = undefined
    const now = milliseconds(state.clock)
    const fraction = this.#reached()
    state.eta.observe(now, fraction)
    this.#step = part.label ?? this.#step
    const { correlationId, name, principal, requestId } = this.#subject
    const { known } = this.progress
    const { details, ...figures } = update ?? {}
    const event: ProgressEvent = {
      event_type: type,
      tool: name,
      request_id: requestId,
      step: this.#step,
      progress_percent: known ? Math.round(fraction * 1000) / 10 : null,
      eta_ms: known ? (state.eta.remaining ?? null) : null,
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
