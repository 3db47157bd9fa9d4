/** Runs one method for one MCP request: gives its handler the caller's services, and reads how it ended. */
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

/** What a handler may ask of the client that called. */
export const clientOf = (
  context: RequestContext,
  supports: Client["Service"]["supports"],
  // One answer of its kind per question: `Ask` checks them.
  ask: (...questions: Parameters<Client["Service"]["ask"]>) => unknown
) =>
  Client.of({
    supports,
    log: (level, data, logger) => Effect.tryPromise(() => context.log(level, data, logger)).pipe(ignore),
    ask: ask as Client["Service"]["ask"],
    release: Effect.sync(() => context.inbound.release?.())
  })

type Rounds = ReturnType<SuspendedCalls["Service"]["rounds"]>

export interface Running<Result> {
  readonly fiber: Fiber.Fiber<Result, CatalogFailure>
  readonly caller: RequestCaller
  /** Resolves when the progress of the call is sent; absent: there was none. */
  readonly sent: (() => Promise<void>) | undefined
  /** The program's services with those of the caller. */
  readonly services: Context.Context<Caller | Client>
}

/** Starts the request; a handler that never waits has ended when this returns. */
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
  // Adding is cheap, merging copies everything.
  const within = Context.add(Context.add(services, Caller, caller), Client, client)
  const fiber = Effect.runForkWith(within)(run(served))
  return { fiber, caller, sent: progress?.sent, services: within }
}

/** What the client is told in place of a result. */
export class ErrorResponse {
  readonly failure: Failure
  constructor(failure: Failure) {
    this.failure = failure
  }
}

const cancellation: Failure = { code: cancelled, status: 499, message: "The request was cancelled." }

/** How the request ended: with a result, with a failure, or with a question to the client. */
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
  Effect.runForkWith(services)(Effect.logError("a request failed unexpectedly", exit.cause))
  return new ErrorResponse({
    code: internalError,
    status: 500,
    message: `Internal error. The log has more under request ${caller.requestId}.`
  })
}
