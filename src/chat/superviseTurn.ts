/** Runs a turn under Guard, passes answers and stops of the user to it, and stores its end in every case. */
import { Cause, Clock, Deferred, Duration, Effect, Exit, Schedule, Stream } from "effect"
import type { ChatEventBody, ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { ChatStoreError } from "../../layers/chat/ChatStore.ts"
import type { Guard } from "../../layers/guard/Guard.ts"
import { withoutTimeLimit } from "../../layers/guard/timeLimit.ts"
import type { Call } from "../../layers/ledger/Calls.ts"
import type { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { defaults, type Policy } from "../domain/Policy.ts"
import { failureOf } from "./ChatRefusal.ts"
import { modelOf, runTurn, type TurnServices } from "./runTurn.ts"
import type { TurnActivity } from "./TurnActivity.ts"
import type { Turn } from "./Turn.ts"
import type { observeTurns } from "./TurnSpending.ts"

export interface SupervisedServices extends TurnServices {
  readonly guard: Guard["Service"]
  readonly progress: ProgressEvents["Service"]
  readonly newId: Effect.Effect<string>
  /** Begins to add up the charges of a turn's calls. */
  readonly spendingOf: Effect.Success<typeof observeTurns>
}

type Answered = ChatEventOf<"input_answered">

const stopped = Symbol("stopped")

/** A turn without an end keeps its conversation from going on, so its end is stored as soon as the store can. */
const endRetry = {
  while: ({ reason }: ChatStoreError) => reason === "unavailable",
  schedule: Schedule.exponential("100 millis").pipe(
    Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(5)))),
    Schedule.upTo({ duration: "5 minutes" })
  )
}

const policies = new WeakMap<Turn["settings"], Policy>()
/** One object for all turns: Guard recognizes an entry by its policy. */
const policyOf = (settings: Turn["settings"]): Policy => {
  let policy = policies.get(settings)
  if (policy === undefined) {
    policies.set(settings, (policy = { ...defaults, timeLimit: settings.turn_timeout, breaker: false }))
  }
  return policy
}

/**
 * `after`: `seq` of the user's message. `ending`: runs before the end is stored, so that a client that sees it can go on.
 * `activity` gets the events of the turn. `revoked` stops the turn.
 */
export const superviseTurn = Effect.fnUntraced(function* (
  services: SupervisedServices,
  given: Omit<Turn, "append" | "ask" | "spending">,
  after: number,
  ending: Effect.Effect<void>,
  activity: TurnActivity,
  revoked: Effect.Effect<void> = Effect.never
): Effect.fn.Return<void> {
  const { guard, newId, progress, store } = services
  const { conversation, principal, requestId, settings } = given
  const append = (events: ReadonlyArray<ChatEventBody>) => {
    activity.add(events)
    return store.append(conversation, events)
  }
  const waiting = new Map<string, Deferred.Deferred<Answered>>()

  /** Passes answers on until the turn is asked to stop. */
  const untilStop = Effect.suspend(() =>
    Stream.runDrain(
      Stream.takeUntil(store.watchResponses(conversation, after), (event) => {
        if (event.type === "stop_requested") return event.request_id === requestId
        const answered = waiting.get(event.id)
        if (answered !== undefined) Deferred.doneUnsafe(answered, Effect.succeed(event))
        return false
      })
    )
  )

  const ask: Turn["ask"] = Effect.fnUntraced(function* (request) {
    const id = yield* newId
    const answer = yield* Deferred.make<Answered>()
    waiting.set(id, answer)
    const now = yield* Clock.currentTimeMillis
    const expires_at = new Date(now + Duration.toMillis(settings.input_timeout)).toISOString()
    yield* append([{ type: "input_requested", request_id: requestId, id, ...request, expires_at }])
    const expire = store
      .respond(conversation, { type: "input_answered", request_id: requestId, id, action: "expired" })
      .pipe(Effect.andThen(Deferred.await(answer)))
    const answered = Deferred.await(answer).pipe(
      Effect.timeoutOrElse({ duration: settings.input_timeout, orElse: () => expire }),
      Effect.ensuring(Effect.sync(() => waiting.delete(id)))
    )
    return yield* withoutTimeLimit(answered)
  })

  const callId = yield* newId
  const call: Call = {
    kind: "turn",
    name: "chat",
    principal,
    requestId: callId,
    correlationId: requestId,
    trace: undefined,
    conversation
  }
  const { model, provider = "" } = modelOf(services.models, given)
  const spending = services.spendingOf(call, { model, provider })
  const turn: Turn = { ...given, append, ask, spending }
  const main = guard.protect(
    {
      call,
      policy: policyOf(settings),
      readOnly: false,
      idempotent: false,
      args: undefined,
      tracker: progress.track(call)
    },
    Effect.raceFirst(runTurn(services, turn), Effect.as(Effect.raceFirst(untilStop, revoked), stopped))
  )

  const endOf = (exit: Exit.Exit<Effect.Success<typeof main>, Effect.Error<typeof main>>): ChatEventBody => {
    if (Exit.isFailure(exit)) {
      return { type: "turn_failed", request_id: requestId, error: failureOf(exit.cause) }
    }
    return exit.value === stopped
      ? { type: "turn_completed", request_id: requestId, stop_reason: "stopped", ...spending.turn }
      : exit.value
  }

  yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(restore(main))
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
        yield* Effect.logError("A turn of a conversation failed.", exit.cause)
      }
      yield* ending
      const end = append([endOf(exit)])
      yield* restore(Effect.retry(end, endRetry)).pipe(
        // The service stops.
        Effect.onInterrupt(() => Effect.ignore(end)),
        Effect.catch((error) =>
          Effect.logError(`The end of a turn was not stored: ${error.message}`).pipe(
            Effect.annotateLogs({ conversation_id: conversation })
          )
        )
      )
    })
  ).pipe(Effect.exit)
})
