/** Turns that run in this process: limited per principal, found by their message, and ended when the service stops. */
import { Clock, Effect, Fiber } from "effect"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { ChatSettings } from "../../layers/chat/section.ts"
import { Waiters } from "../../layers/platform/Waiters.ts"
import { Quota } from "../../layers/quotas/Quota.ts"
import type { Principal } from "../domain/Principal.ts"
import { claimOf, type NewMessage } from "./NewMessage.ts"
import { superviseTurn, type SupervisedServices } from "./superviseTurn.ts"
import { TurnActivity } from "./TurnActivity.ts"

interface LocalTurn {
  readonly message: ChatEventOf<"user_message">
  readonly activity: TurnActivity
  /** Absent until it waits for the first time. */
  fiber?: Fiber.Fiber<void>
}

/** A service that stops does not wait for turns without an event for so many ms, unless they run tools. */
const quietTime = 1000
const quietCheck = "100 millis"

/** Turns end with the scope. */
export const makeLocalTurns = Effect.fnUntraced(function* (
  services: SupervisedServices,
  settings: Pick<ChatSettings, "max_turns" | "service">
) {
  const scope = yield* Effect.scope
  const clock = yield* Clock.Clock
  const quota = new Quota(settings.max_turns)
  /** By principal and request id. */
  const live = new Map<string, LocalTurn>()
  const idle = new Waiters()
  /** Turns whose end is not stored yet. */
  let unended = 0
  let isDraining = false

  const ended = () => {
    unended--
    if (unended === 0) idle.wake()
  }

  /** Ends them as interrupted. */
  const quitQuiet = Effect.sync(() => {
    for (const { activity, fiber } of live.values()) if (activity.isQuiet(quietTime)) fiber?.interruptUnsafe()
  })

  return {
    /** Whether no further turn may begin. */
    isDraining: () => isDraining,
    /** The message as it is stored, while its turn runs. */
    find: (message: NewMessage) => live.get(claimOf(message))?.message,
    /** Takes the room of a turn; false at the limit of the principal. It ends with `release`, or with the turn that `run` starts. */
    take: (principal: Principal): boolean => {
      if (!quota.take(principal.key, 1)) return false
      unended++
      return true
    },
    release: (principal: Principal) =>
      Effect.sync(() => {
        quota.release(principal.key, 1)
        ended()
      }),
    /** Starts the turn of a stored message. */
    run: Effect.fnUntraced(function* (message: NewMessage, begun: ChatEventOf<"user_message">) {
      const { canAnswer, options, principal, program, requestId } = message
      const turn = {
        conversation: begun.conversation,
        requestId,
        principal,
        options,
        canAnswer,
        program,
        settings: settings.service
      }
      const activity = new TurnActivity(clock)
      const claim = claimOf(message)
      const local: LocalTurn = { message: begun, activity }
      live.set(claim, local)
      const ending = Effect.sync(() => quota.release(principal.key, 1))
      local.fiber = yield* superviseTurn(services, turn, begun.seq, ending, activity, message.revoked).pipe(
        Effect.ensuring(
          Effect.sync(() => {
            live.delete(claim)
            ended()
          })
        ),
        // It asks the model before anything else runs.
        Effect.forkIn(scope, { startImmediately: true })
      )
    }),
    /** Lets no further turn begin, and waits for those that make progress; others end as interrupted. */
    drain: Effect.suspend(() => {
      isDraining = true
      return Effect.raceFirst(
        idle.wait(() => unended === 0),
        Effect.forever(Effect.andThen(quitQuiet, Effect.sleep(quietCheck)))
      )
    })
  }
})
