/** Notifies readers of new events: at once of those of this process, and by polling of those of others while conversations are watched. */
import { Effect, type Scope } from "effect"
import { Waiters } from "../../platform/Waiters.ts"

/** Delay between two polls: how much later a reader sees an event of another process. */
const interval = "200 millis"

/** Statements have a limited number of parameters. */
const mostIds = 500

interface Notified {
  /** Counts notifications. */
  version: number
  readonly waiting: Waiters
}

const notify = (notified: Notified) => {
  notified.version++
  notified.waiting.wake()
}

export interface Watched {
  readonly id: string
  readers: number
  /** Readers of all events, and of those of `ChatStore.respond` only. */
  readonly events: Notified
  readonly responses: Notified
  /** The latest `seq` that the last reader to wait has seen. */
  seq: number
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

  /** `appended`: without an event of `ChatStore.respond`. */
  wake(id: string, what: "all" | "appended" = "all") {
    const watched = this.#watched.get(id)
    if (watched === undefined) return
    notify(watched.events)
    if (what === "all") notify(watched.responses)
  }

  /** Until the scope closes, changes of the conversation are noticed. */
  readonly follow = (id: string) =>
    Effect.acquireRelease(
      Effect.suspend(() => {
        const watched = this.#watched.get(id) ?? {
          id,
          readers: 0,
          events: { version: 0, waiting: new Waiters() },
          responses: { version: 0, waiting: new Waiters() },
          seq: 0
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

  /** Until there was a notification since `version`, or the conversation has an event after `seq` of another process. */
  readonly wait = (watched: Watched, kind: "events" | "responses", version: number, seq: number) =>
    watched[kind].waiting.wait(() => {
      watched.seq = seq
      return watched[kind].version !== version
    })

  readonly #poll = Effect.gen({ self: this }, function* () {
    while (this.#watched.size > 0) {
      yield* Effect.sleep(interval)
      const waiting = [...this.#watched.values()].filter(
        ({ events, responses }) => events.waiting.size + responses.waiting.size > 0
      )
      for (let from = 0; from < waiting.length; from += mostIds) {
        for (const id of yield* this.#changed(waiting.slice(from, from + mostIds))) this.wake(id)
      }
    }
  }).pipe(Effect.ensuring(Effect.sync(() => (this.#isPolling = false))))
}
