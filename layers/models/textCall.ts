/** One response of a model as a stream, under Guard, which retries it only before its first part. */
import { BigDecimal, Cause, Clock, Duration, Effect, Exit, Option, Stream } from "effect"
import type * as Response from "effect/ai/Response"
import type { Charge, Usage } from "../ledger/Spend.ts"
import type { Tokens } from "../ledger/Tokens.ts"
import type { Adapter, Finish, TextRequest } from "./Adapter.ts"
import { chargeOf, guardedCall, spend, type Spine } from "./guardedCall.ts"
import { ModelError } from "./ModelError.ts"
import { PartQueue } from "./PartQueue.ts"
import { PromptSize } from "./PromptSize.ts"
import type { Provider } from "./Provider.ts"
import { fromSdk } from "./sdkErrors.ts"
import { Seen } from "./Seen.ts"
import { upperBound } from "./upperBounds.ts"
import { toResponseUsage } from "./usage.ts"

/** Output tokens assumed for a server that sets its own limit. */
const mostOutput = 131_072

/** Fails if nothing arrives for too long. One timer serves the whole response, not one per part. */
const silence = (
  seen: Seen,
  provider: Provider,
  model: string,
  clock: Clock.Clock
): Effect.Effect<never, ModelError> => {
  const now = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
  return Effect.suspend(() => {
    const waiting = seen.first === undefined
    const limit = waiting ? provider.firstTokenTimeout : provider.idleTimeout
    const left = (waiting ? seen.started : seen.last) + limit - now()
    // The first part may arrive meanwhile, and then the other limit applies.
    const pause = Duration.millis(
      Math.ceil(left > 0 ? Math.min(left, provider.idleTimeout) : provider.idleTimeout)
    )
    if (left > 0 || seen.blocked)
      return Effect.andThen(clock.sleep(pause), silence(seen, provider, model, clock))
    const setting = waiting ? "first_token_timeout" : "idle_timeout"
    return Effect.fail(
      new ModelError({
        reason: "network",
        provider: provider.name,
        model,
        detail: `${waiting ? "no part of a response" : "nothing more"} arrived within ${limit} ms`,
        remedy: `Try again, or raise llm.providers.${provider.name}.${setting}.`,
        transient: {}
      })
    )
  })
}

const asPartial = (error: ModelError): ModelError =>
  error.transient === undefined
    ? error
    : new ModelError({ ...error, transient: { ...error.transient, partial: true } })

const finishPart = (finish: Finish, charge: Charge, used: Required<Usage>): Response.FinishPartEncoded => ({
  type: "finish",
  reason: finish,
  usage: toResponseUsage(used),
  metadata: {
    manifold: {
      provider: charge.provider ?? null,
      model: charge.model ?? null,
      cost_usd: charge.unpriced === true ? null : BigDecimal.format(charge.usd),
      uncertain: charge.uncertain === true
    }
  }
})

export interface Called {
  readonly spine: Spine
  readonly tokens: Tokens["Service"]
  readonly provider: Provider
  readonly adapter: Adapter
}

/** Begins the call. The reader runs the stream: when the scope closes, the call is interrupted and the connection closed. */
export const textCall = Effect.fnUntraced(function* (
  { adapter, provider, spine, tokens }: Called,
  request: TextRequest
) {
  const clock = yield* Clock.Clock
  const { model } = request
  const queue = new PartQueue()
  const size = new PromptSize(request)
  const boundFor = (inputTokens: number) =>
    upperBound(spine.prices, provider, {
      model,
      inputTokens,
      maxOutputTokens: request.maxTokens ?? mostOutput,
      now: clock.currentTimeMillisUnsafe()
    })
  let bound = yield* boundFor(size.most)
  // Only long prompts of a model with a price are tokenized.
  if (Option.isSome(bound) && size.isLong) bound = yield* boundFor(yield* size.counted(tokens))

  const attempt = Effect.gen(function* () {
    const seen = new Seen(clock, queue)
    const inputTokens = () => size.estimated
    let charge: Charge | undefined
    const settle = Effect.fnUntraced(function* (exit: Exit.Exit<Finish, ModelError>) {
      const error = Exit.isFailure(exit)
        ? Option.getOrUndefined(Cause.findErrorOption(exit.cause))
        : undefined
      // An error response is not billed, nor is a request that was not sent.
      const unbilled = !seen.accepted && (error?.status !== undefined || error?.sent === false)
      const used = seen.usageOf(inputTokens, Exit.isSuccess(exit))
      charge = yield* chargeOf(spine, provider, model, {
        ...(unbilled ? { uncertain: false } : used),
        model: seen.model,
        timeToFirstToken: seen.timeToFirstToken
      })
      yield* spend(charge)
    })
    const finish = yield* Effect.tryPromise({
      try: (signal) => adapter.text(request, seen, signal),
      catch: (error) => fromSdk(provider, model, clock.currentTimeMillisUnsafe())(error)
    }).pipe(
      Effect.raceFirst(silence(seen, provider, model, clock)),
      Effect.mapError((error) => (seen.first === undefined ? error : asPartial(error))),
      Effect.onExit(settle)
    )
    if (charge === undefined) return
    const { usage } = seen.usageOf(inputTokens, true)
    queue.offer([...seen.release(), finishPart(finish, charge, usage)])
  })

  yield* guardedCall(spine, provider, model, provider.timeLimit, bound, attempt).pipe(
    Effect.onExit((exit) => Effect.sync(() => queue.end(exit))),
    Effect.forkScoped({ startImmediately: true })
  )
  return Stream.fromPull(Effect.succeed(queue.pull))
})
