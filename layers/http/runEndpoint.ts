/** Runs an endpoint's Effect for one request: a closed connection interrupts it. */
import { Cause, type Context, Effect, Exit } from "effect"

/** nginx's status "client closed request"; no client sees it. */
const clientClosed = 499

/**
 * `run(services)(request, effect)`: the response of `effect`, which is interrupted when `request.signal` fires. A
 * defect rejects the promise; the listener logs it and responds with 500.
 */
export const run = <R>(services: Context.Context<R>) => {
  const runExit = Effect.runPromiseExitWith(services)
  return (request: Request, effect: Effect.Effect<Response, never, R>): Promise<Response> =>
    runExit(effect, { signal: request.signal }).then((exit) => {
      if (Exit.isSuccess(exit)) return exit.value
      if (Cause.hasInterruptsOnly(exit.cause)) return new Response(null, { status: clientClosed })
      throw Cause.squash(exit.cause)
    })
}
