/** `Reporter` of a call, a step or a child: turns reports of the handler into notices for the call's tracker. */
import { Cause, Effect, Exit } from "effect"
import { Progress, type Reporter, type Steps, type Update, type Weighted } from "./Progress.ts"
import type { ProgressEventType } from "./ProgressEvent.ts"
import { WeightedFraction } from "./WeightedFraction.ts"

/** A candidate for a progress event. */
export interface Notice {
  readonly part: ProgressPart
  readonly type: ProgressEventType
  readonly update?: Partial<Update>
  /** The name of the error that the part failed with. */
  readonly error?: string
}

/** Receives the notices of all parts of one call. */
export interface NoticeSink {
  /** Runs `make` unless the call has ended, and takes its notice. `forced` passes the rate limit of events. */
  readonly during: (make: () => Notice | undefined, forced?: boolean) => Effect.Effect<void>
  readonly newId: () => string
}

const nameOf = (cause: Cause.Cause<unknown>): string => {
  if (Cause.hasInterruptsOnly(cause)) return "Interrupted"
  const error = Cause.squash(cause)
  return error instanceof Error ? error.name : "Error"
}

export class ProgressPart extends WeightedFraction implements Reporter {
  /** Null for the whole call. */
  readonly label: string | null
  readonly whole: ProgressPart | undefined
  readonly #sink: NoticeSink
  #id: string | undefined
  #parts: Map<string, ProgressPart> | undefined
  #progress = -Infinity
  #message: string | undefined

  constructor(sink: NoticeSink, label: string | null = null, whole?: ProgressPart, weight?: number) {
    super(whole, weight)
    this.#sink = sink
    this.label = label
    this.whole = whole
  }

  get id(): string {
    return (this.#id ??= this.#sink.newId())
  }

  // Arrow functions, because handlers destructure the reporter.

  readonly report = (update: Update) =>
    this.#sink.during(() => {
      const { details, message, total } = update
      const advanced = Number.isFinite(update.progress) && update.progress > this.#progress
      if (!advanced && details === undefined && (message === undefined || message === this.#message)) {
        return undefined
      }
      const progress = (this.#progress = advanced ? update.progress : this.#progress)
      this.#message = message
      const hasTotal = total !== undefined && Number.isFinite(total) && total > 0
      if (hasTotal) this.reach(progress / total)
      const reported = {
        ...(progress > -Infinity && { progress }),
        ...(hasTotal && { total }),
        ...(message !== undefined && { message }),
        ...(details !== undefined && { details })
      }
      return { part: this, type: "progress_update", update: reported }
    })

  readonly child = (label: string, weight?: number): ProgressPart => {
    this.#parts ??= new Map()
    let part = this.#parts.get(label)
    if (part === undefined) this.#parts.set(label, (part = new ProgressPart(this.#sink, label, this, weight)))
    return part
  }

  readonly steps = <const Name extends string>(names: ReadonlyArray<Name | Weighted<Name>>): Steps<Name> => {
    const parts = names.map((step) =>
      typeof step === "string" ? this.child(step) : this.child(step.name, step.weight)
    )
    let entered = -1
    return {
      step: (name, effect) => {
        const part = this.child(name)
        const running = Effect.provideService(effect, Progress, part)
        return Effect.andThen(
          part.#begin(),
          Effect.onExit(running, (exit) => part.#end(exit))
        )
      },
      begin: (name, message) =>
        Effect.suspend(() => {
          const part = this.child(name)
          const index = parts.indexOf(part)
          if (index <= entered) return Effect.void
          entered = index
          for (const before of parts.slice(0, index)) before.reach(1)
          return part.#begin(message)
        })
    }
  }

  #begin(message?: string) {
    const update = message === undefined ? {} : { update: { message } }
    return this.#sink.during(() => ({ part: this, type: "progress_update", ...update }), true)
  }

  #end(exit: Exit.Exit<unknown, unknown>) {
    const failed = Exit.isFailure(exit)
    return this.#sink.during(() => {
      if (failed) return { part: this, type: "progress_step_failed", error: nameOf(exit.cause) }
      this.reach(1)
      return { part: this, type: "progress_update" }
    }, failed)
  }
}
