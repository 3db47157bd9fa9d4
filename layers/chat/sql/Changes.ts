/** Notifies readers of new events: at once of those of this process, and by polling of those of others while conversations are watched. */
import { Effect, type Scope } from "effect"
import { Waiters } from "../../platform/Waiters.ts"

/** Delay between two polls: how much later a reader sees an event of another process. */
const interval = "200 millis"

/** Statements have a limited number of parameters. */
const mostIds = 500

export interface Watched {
  readonly id: string
  readers: number
  /** Counts notifications. */
  version: number
  /** The latest `seq` that the last reader to wait has seen. */
  seq: number
  readonly waiting: Waiters
}

export class Changes {
  readonly #watched = new Map<string, Watched>()
  readonly #changed: (watched: ReadonlyArray<Watched>) => Effect.Effect<ReadonlyArray<string>>
  readonly #scope: Scope.Scope
  #isPolling = false

  /** `changed`: ids of those that have other events than their readers have seen. */
  constructor(
    scope: Scope.Scope,
    changed: (watched: ReadonlyArray<Watched>) => Effect.Effect<ReadonlyArray<string>>
  ) {
    this.#scope = scope
    this.#changed = changed
  }

  wake(id: string) {
    const watched = this.#watched.get(id)
    if (watched === undefined) return
    watched.version++
    watched.waiting.wake()
  }

  /** Until the scope closes, changes of the conversation are noticed. */
  readonly follow = (id: string) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const watched = this.#watched.get(id) ?? {
          id,
          readers: 0,
          version: 0,
          seq: 0,
          waiting: new Waiters()
        }
        watched.readers++
        this.#watched.set(id, watched)
        if (this.#isPolling) return Effect.succeed(watched)
        this.#isPolling = true
        return Effect.as(Effect.forkIn(this.#poll, this.#scope), watched)
      }),
      (watched) =>
        Effect.sync(() => {
          if (--watched.readers === 0) this.#watched.delete(id)
        })
    )

  /** Until the conversation has changed since `version`, or has an event after `seq`. */
  readonly wait = (watched: Watched, version: number, seq: number) =>
    watched.waiting.wait(() => {
      watched.seq = seq
      return watched.version !== version
    })

  readonly #poll = Effect.gen({ self: this }, function* () {
    while (this.#watched.size > 0) {
      yield* Effect.sleep(interval)
      const waiting = [...this.#watched.values()].filter((watched) => watched.waiting.size > 0)
      for (let from = 0; from < waiting.length; from += mostIds) {
        for (const id of yield* this.#changed(waiting.slice(from, from + mostIds))) this.wake(id)
      }
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (this.#isPolling = false))))
}
