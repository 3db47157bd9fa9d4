/** Whom a handler works for, as far as a handler needs to know: never a socket, a header or a JSON-RPC id. */
import { Context, type Effect } from "effect"
import type { GuardServices } from "../../layers/guard/Guard.ts"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Trace } from "../domain/Trace.ts"
import type { Client } from "./Client.ts"

export class Caller extends Context.Service<
  Caller,
  {
    readonly principal: Principal
    /** Unique per call; appears in logs, progress events and errors. */
    readonly requestId: string
    /** What the caller knows the call by, if it said so. */
    readonly correlationId?: string | undefined
    readonly trace?: Trace | undefined
    /** The MCP session, where the transport has one. */
    readonly session?: string | undefined
    readonly conversation?: string | undefined
    /** What is asked for, such as `tools/call echo`. */
    readonly call?: string
    /** The program at the other end, where the surface knows it. */
    readonly program?: { readonly name: string; readonly version: string } | undefined
    /**
     * Runs the handler the way this surface needs it: one whose client answers by a further request is kept running
     * between the two. Applied inside Guard, so that each request is a call of its own.
     */
    readonly carry?: <A, E, R>(
      handler: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R | Client | GuardServices>
    /** Told how the call comes along, as long as it runs; must neither throw nor wait. */
    readonly onProgress?: (event: ProgressEvent) => void
  }
>()("manifold/catalog/Caller") {}

/** What a log line says of the call that it was written for, if it was written for one. */
export const callFields = (
  services: Context.Context<never>
): Readonly<Record<string, unknown>> | undefined => {
  const caller = Context.getOrUndefined(services, Caller)
  if (caller === undefined) return undefined
  return {
    request_id: caller.requestId,
    correlation_id: caller.correlationId ?? caller.trace?.traceId,
    trace_id: caller.trace?.traceId,
    call: caller.call
  }
}
