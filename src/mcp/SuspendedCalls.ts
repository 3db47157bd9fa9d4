/** Handlers that wait for their client's answer between two stateless requests: kept running, bounded, and resumed. */
import { Clock, Context, Duration, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import type { GuardServices } from "../../layers/guard/Guard.ts"
import { RunningCall } from "../../layers/ledger/Calls.ts"
import { Spend } from "../../layers/ledger/Spend.ts"
import { Progress } from "../../layers/progress/Progress.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Client } from "../catalog/Client.ts"
import { Suspended } from "./inputRequests.ts"
import { Continuation, type Resumption, type Round } from "./Continuation.ts"
import type { Waiting } from "./RequestState.ts"
import { section } from "./section.ts"

export interface SuspendedLimits {
  /** Handlers that may wait at once; beyond it, the one that waits longest is interrupted. */
  readonly max: number
  readonly maxPerPrincipal: number
  /** How long a handler waits for its client, and how long its result is kept for a repeated request. */
  readonly timeout: Duration.Duration
}

/** An effect with its types erased: a handler is resumed by requests that do not know them. */
type AnyExit = Exit.Exit<unknown, unknown>

const interval = Duration.seconds(1)
/** Completed calls whose result was dropped early are remembered, so that a repeated request does not run them again. */
const mostSpent = 10_000

export class SuspendedCalls extends Context.Service<
  SuspendedCalls,
  {
    /**
     * Runs the handler in rounds: one that asks its client is suspended (the round dies with `Suspended`) and keeps
     * waiting; the request that brings the answers resumes it. Where it no longer waits here (another instance, too
     * many), the handler is run again from its start with the answers in place; after its time the state has expired.
     */
    readonly rounds: (
      resumption: Resumption
    ) => <A, E, R>(handler: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R | Client | GuardServices>
    /** Whether the handler ended, and its result was dropped before its time: it must not run again. */
    readonly spent: (waiting: Waiting) => boolean
    /** How many handlers wait now. */
    readonly count: Effect.Effect<number>
  }
>()("manifold/mcp/SuspendedCalls") {
  static readonly make = Effect.fnUntraced(function* (limits: SuspendedLimits) {
    const { next, nextUnsafe } = yield* Ids
    const { memory } = yield* Quotas
    const clock = yield* Clock.Clock
    const instance = yield* next
    const timeout = Duration.toMillis(limits.timeout)
    /** In the order in which they began to wait. */
    const kept = new Map<string, Continuation>()

    const spent = new Set<string>()

    /** A later handler of the same request may be kept in its place. */
    const forget = (each: Continuation) => {
      if (kept.get(each.id) === each) kept.delete(each.id)
      each.held.end()
    }
    const drop = (each: Continuation) => {
      forget(each)
      if (each.fiber?.pollUnsafe() !== undefined) {
        spent.add(each.id)
        for (const first of spent) {
          if (spent.size <= mostSpent) break
          spent.delete(first)
        }
      }
      each.fiber?.interruptUnsafe()
    }
    /** Where there is no room for it, it is dropped itself. */
    const keep = (each: Continuation) => {
      // It was dropped before, and did not let itself be interrupted yet.
      if (each.held.ended) return
      kept.delete(each.id)
      kept.set(each.id, each)
      each.idleSince = clock.currentTimeMillisUnsafe()
      const own = Array.from(kept.values()).filter(({ owner }) => owner === each.owner)
      const others = own.filter((other) => other !== each)
      if (own.length > limits.maxPerPrincipal) for (const oldest of others.splice(0, 1)) drop(oldest)
      else if (kept.size > limits.max) {
        for (const first of kept.values()) {
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
      // Later than its request state expires, so that no state outlives its handler.
      const before = clock.currentTimeMillisUnsafe() - timeout - Duration.toMillis(interval)
      for (const each of kept.values()) if (each.idleSince <= before) drop(each)
    })
    yield* Effect.forkScoped(Effect.repeat(expire, Schedule.spaced(interval)))
    yield* Effect.addFinalizer(() =>
      Effect.suspend(() => {
        const all = Array.from(kept.values())
        kept.clear()
        return Fiber.interruptAll(all.flatMap(({ fiber }) => fiber ?? []))
      })
    )

    /** Until the handler ends or asks; interrupting the round interrupts the handler. */
    const await_ = (each: Continuation) =>
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
          end(Effect.die(new Suspended(suspended.questions, suspended.answers, waiting)))
          // One that is not kept is run again from its start, with the answers in place, and under the same id.
          keep(each)
        }
        each.suspend = suspend
        fiber.addObserver((exit) => {
          // A handler that was suspended before keeps its result for a client that lost the response.
          if (each.round > 0 && kept.get(each.id) === each) keep(each)
          end(exit)
        })
        if (each.pending.size > 0) suspend(each.suspended())
        return Effect.suspend(() => {
          open = false
          forget(each)
          return Fiber.interrupt(fiber)
        })
      })

    const found = ({ principal, request, waiting }: Resumption): Continuation | undefined => {
      if (waiting === undefined) return undefined
      const each = kept.get(waiting.id)
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
        Context.add(RunningCall, each)
      )
      // A repeated request finds it, and gets its result, wherever the handler waited before.
      if (each.round > 0) kept.set(each.id, each)
      // In a fiber of its own, because it may outlive the request; the registry's scope ends it.
      each.fiber = Effect.runForkWith(services)(handler as Effect.Effect<unknown, unknown>)
      return each
    }

    const resume = (each: Continuation, { answers, waiting }: Resumption, round: Round) => {
      each.idleSince = Infinity
      // An earlier round again: its answers were taken, and the handler goes on from where it is.
      if (waiting?.round === each.round) {
        each.current = round
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
            call: Context.get(context, RunningCall).call
          }
          const before = found(resumption)
          const each =
            before === undefined
              ? start(resumption, handler, context, round)
              : resume(before, resumption, round)
          // The handler of the same request, so its types are those of `handler`.
          return await_(each) as typeof handler
        }),
      spent: ({ id }) => spent.has(id),
      count: Effect.sync(() => kept.size)
    })
  })

  /** As section `mcp` says. */
  static readonly layer = Layer.effect(
    SuspendedCalls,
    Effect.gen(function* () {
      const { suspended_calls } = yield* (yield* ConfigSource).read(section)
      const { max, max_per_principal, timeout } = suspended_calls
      return yield* SuspendedCalls.make({ max, maxPerPrincipal: max_per_principal, timeout })
    })
  )
}
