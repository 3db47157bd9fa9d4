/** Runs the method of one MCP request: provides the caller's services, and converts the exit to a response. */
import { Cause, Context, Effect, Exit, type Fiber } from "effect"
import { Caller } from "../catalog/Caller.ts"
import { Client } from "../catalog/Client.ts"
import { toFailure, type CatalogFailure } from "../catalog/catalogFailure.ts"
import { cancelled, internalError } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"
import { Suspended } from "./inputRequests.ts"
import type { Method, Prepared, Served } from "./methods.ts"
import { makeProgress } from "./progressNotifications.ts"
import { RequestCaller } from "./RequestCaller.ts"
import type { RequestContext } from "./RequestContext.ts"
import type { SuspendedCalls } from "./SuspendedCalls.ts"

const ignore = Effect.ignore({ log: "Debug" })

/** The `Client` service of one request. */
export const clientOf = (
  context: RequestContext,
  supports: Client["Service"]["supports"],
  // `inputRequests.ts` checks the type of each response.
  ask: (...requests: Parameters<Client["Service"]["ask"]>) => unknown
) =>
  Client.of({
    supports,
    identity: () => context.peer,
    log: (level, data, logger) => Effect.tryPromise(() => context.log(level, data, logger)).pipe(ignore),
    completed: (id) => Effect.tryPromise(() => context.completed(id)).pipe(ignore),
    ask: ask as Client["Service"]["ask"],
    release: Effect.sync(() => context.inbound.release?.())
  })

type Rounds = ReturnType<SuspendedCalls["Service"]["rounds"]>

export interface Running<Result> {
  readonly fiber: Fiber.Fiber<Result, CatalogFailure>
  readonly caller: RequestCaller
  /** Resolves when all progress notifications are sent; absent without progress. */
  readonly sent: (() => Promise<void>) | undefined
  /** Services of the program and the caller. */
  readonly services: Context.Context<Caller | Client>
}

/** Starts the request. A handler that never waits has ended when this returns. */
export const start = <Result>(
  services: Context.Context<never>,
  newId: () => string,
  served: Served,
  { label, run }: Prepared<Result>,
  client: Client["Service"],
  rounds?: Rounds
): Running<Result> => {
  const { context } = served
  const progress = makeProgress(context)
  const caller = new RequestCaller(context, newId, label, progress?.onProgress, rounds)
  // `add` is cheap; `merge` copies the whole context.
  const within = Context.add(Context.add(services, Caller, caller), Client, client)
  const fiber = Effect.runForkWith(within)(run(served))
  return { fiber, caller, sent: progress?.sent, services: within }
}

/** The error response of a request. */
export class ErrorResponse {
  readonly failure: Failure
  constructor(failure: Failure) {
    this.failure = failure
  }
}

const cancellation: Failure = { code: cancelled, status: 499, message: "The request was cancelled." }

/** The outcome of a request: its result, an error response, or input requests for the client. */
export const outcomeOf = <Result>(
  exit: Exit.Exit<Result, CatalogFailure>,
  { caller, services }: Running<Result>,
  method: Method<Result>,
  context: RequestContext
): Result | ErrorResponse | Suspended => {
  if (Exit.isSuccess(exit)) return exit.value
  for (const reason of exit.cause.reasons) {
    if (Cause.isDieReason(reason) && reason.defect instanceof Suspended) return reason.defect
  }
  for (const reason of exit.cause.reasons) {
    if (!Cause.isFailReason(reason)) continue
    return method.failed?.(reason.error, context) ?? new ErrorResponse(toFailure(reason.error))
  }
  if (Cause.hasInterruptsOnly(exit.cause)) return new ErrorResponse(cancellation)
  Effect.runForkWith(services)(Effect.logError("request failed with an unexpected error", exit.cause))
  return new ErrorResponse({
    code: internalError,
    status: 500,
    message: `Internal error. See the log for request ${caller.requestId}.`
  })
}
