/** Suspended calls: handlers that keep running while they wait for the client's next stateless request. Bounded. */
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import type { GuardServices } from "../../layers/guard/Guard.ts"
import { PauseTimeLimit } from "../../layers/guard/timeLimit.ts"
import { RunningCall } from "../../layers/ledger/Calls.ts"
import { Spend } from "../../layers/ledger/Spend.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Client } from "../catalog/Client.ts"
import { Suspended } from "./inputRequests.ts"
import { Continuation, type Resumption, type Round } from "./Continuation.ts"
import type { Waiting } from "./RequestState.ts"
import { section } from "./section.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

export interface SuspendedLimits {
  /** Maximum number of waiting handlers; beyond it, the oldest is interrupted. */
  readonly max: number
  readonly maxPerPrincipal: number
  /** How long a handler waits for its client, and how long its result is retained for a repeated request. */
  readonly timeout: Duration.Duration
}

/** Types are erased: a request that resumes a handler does not know them. */
type AnyExit = Exit.Exit<unknown, unknown>

const interval = Duration.seconds(1)
/** Ids of completed calls whose result was dropped early: a repeated request must not run them again. */
const maxDropped = 10_000

export class SuspendedCalls extends Context.Service<
  SuspendedCalls,
  {
    /**
     * Runs the handler in rounds. An input request suspends it: the round dies with `Suspended` while the handler keeps
     * waiting, and the request with the responses resumes it. If it is no longer here (another instance, evicted), the
     * handler runs again from its start with the responses. The request state expires after the time-out.
     */
    readonly rounds: (
      resumption: Resumption
    ) => <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | Client | GuardServices>
    /** Whether the handler has completed and its result was dropped early: it must not run again. */
    readonly dropped: (waiting: Waiting) => boolean
    /** Number of retained handlers. */
    readonly count: Effect.Effect<number>
  }
>()("manifold/mcp/SuspendedCalls") {
  static readonly make = Effect.fnUntraced(function* (limits: SuspendedLimits) {
    const { next, nextUnsafe } = yield* Ids
    const { memory } = yield* Quotas
    const clock = yield* Clock.Clock
    const instance = yield* next
    const timeout = Duration.toMillis(limits.timeout)
    /** In order of their last suspension. */
    const retained = new Map<string, Continuation>()

    const dropped = new Set<string>()

    /** The id may belong to a later handler of the same request. */
    const remove = (each: Continuation) => {
      if (retained.get(each.id) === each) retained.delete(each.id)
      each.unfollow()
      each.held.end()
    }
    const drop = (each: Continuation) => {
      remove(each)
      if (each.fiber?.pollUnsafe() !== undefined) {
        dropped.add(each.id)
        for (const first of dropped) {
          if (dropped.size <= maxDropped) break
          dropped.delete(first)
        }
      }
      each.fiber?.interruptUnsafe()
    }
    /** Evicts older handlers to make room; without room the handler itself is dropped. */
    const retain = (each: Continuation) => {
      // It was dropped before, and its interruption has not completed.
      if (each.held.ended) return
      retained.delete(each.id)
      retained.set(each.id, each)
      each.idleSince = monotonicMillis(clock)
      // No request of its caller runs, which would end with the credential.
      each.followGrant(() => drop(each))
      const own = Array.from(retained.values()).filter(({ owner }) => owner === each.owner)
      const others = own.filter((other) => other !== each)
      if (own.length > limits.maxPerPrincipal) for (const oldest of others.splice(0, 1)) drop(oldest)
      else if (retained.size > limits.max) {
        for (const first of retained.values()) {
          drop(first)
          break
        }
      }
      while (!each.held.set(each.bytes)) {
        const oldest = others.shift()
        drop(oldest ?? each)
        if (oldest === undefined) return
      }
    }
    const expire = Effect.sync(() => {
      // Later than the expiry of the request state, so that no state outlives its handler.
      const before = monotonicMillis(clock) - timeout - Duration.toMillis(interval)
      for (const each of retained.values()) if (each.idleSince <= before) drop(each)
    })
    yield* Effect.forkScoped(Effect.repeat(expire, Schedule.spaced(interval)))
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const all = Array.from(retained.values())
        retained.clear()
        for (const each of all) each.unfollow()
        return Fiber.interruptAll(all.flatMap(({ fiber }) => fiber ?? []))
      })
    )

    /** Waits until the handler ends or suspends. Interrupting the round interrupts the handler. */
    const awaitRound = (each: Continuation) =>
      Effect.callback<unknown, unknown>((resume) => {
        const { fiber } = each
        if (fiber === undefined) return undefined
        let open = true
        const end = (exit: AnyExit | Effect.Effect<never>) => {
          if (!open) return
          open = false
          each.suspend = undefined
          resume(exit)
        }
        const suspend = (suspended: Suspended) => {
          if (!open) return
          each.round++
          const { id, round } = each
          const waiting: Waiting = { instance, id, round }
          end(Effect.die(new Suspended(suspended.requests, suspended.answers, waiting)))
          // A handler that is not retained runs again from its start, with the responses and under the same id.
          retain(each)
        }
        each.suspend = suspend
        fiber.addObserver((exit) => {
          // After a suspension the result is retained for a client that lost the response.
          if (each.round > 0 && retained.get(each.id) === each) retain(each)
          end(exit)
        })
        if (each.pending.size > 0) suspend(each.suspended())
        return Effect.suspend(() => {
          open = false
          remove(each)
          return Fiber.interrupt(fiber)
        })
      })

    const found = ({ principal, request, waiting }: Resumption): Continuation | undefined => {
      if (waiting === undefined) return undefined
      const each = retained.get(waiting.id)
      return each !== undefined && each.owner === principal.key && each.request === request ? each : undefined
    }

    const start = (
      resumption: Resumption,
      handler: Effect.Effect<unknown, unknown, unknown>,
      context: Context.Context<never>,
      round: Round
    ) => {
      const each = new Continuation(resumption.waiting?.id ?? nextUnsafe(), resumption, memory, round)
      const services = context.pipe(
        Context.add(Client, each.client),
        Context.add(Progress, each.progress),
        Context.add(Spend, each.spend),
        Context.add(RunningCall, each),
        Context.add(PauseTimeLimit, each.pause)
      )
      // A repeated request must find it, even if the handler waited elsewhere before.
      if (each.round > 0) retained.set(each.id, each)
      // A separate fiber, because it may outlive the request; the scope of the registry ends it.
      each.fiber = Effect.runForkWith(services)(handler as Effect.Effect<unknown, unknown>)
      return each
    }

    const resume = (each: Continuation, { answers, onGrantEnded, waiting }: Resumption, round: Round) => {
      each.idleSince = Infinity
      each.unfollow()
      each.onGrantEnded = onGrantEnded
      // For a repeated earlier round nothing changes: its responses were used, and the handler continues.
      if (waiting?.round === each.round) {
        each.enter(round)
        each.answer(answers)
      }
      return each
    }

    return SuspendedCalls.of({
      rounds: (resumption) => (handler) =>
        Effect.contextWith((context: Context.Context<never>) => {
          const round: Round = {
            client: Context.getUnsafe(context, Client),
            progress: Context.getUnsafe(context, Progress),
            spend: Context.getUnsafe(context, Spend),
            call: Context.get(context, RunningCall).call,
            pause: Context.get(context, PauseTimeLimit)
          }
          const before = found(resumption)
          const each =
            before === undefined
              ? start(resumption, handler, context, round)
              : resume(before, resumption, round)
          // It is the handler of the same request, so it has the types of `handler`.
          return awaitRound(each) as typeof handler
        }),
      dropped: ({ id }) => dropped.has(id),
      count: Effect.sync(() => retained.size)
    })
  })

  /** Limits by section `mcp`. */
  static readonly layer = Layer.effect(
    SuspendedCalls,
    Effect.gen(function* () {
      const { suspended_calls } = yield* (yield* ConfigSource).read(section)
      const { max, max_per_principal, timeout } = suspended_calls
      return yield* SuspendedCalls.make({ max, maxPerPrincipal: max_per_principal, timeout })
    })
  )
}
