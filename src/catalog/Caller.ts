/** Caller of a running call, independent of the transport: principal, ids, trace, session and client program. */
import { Context, type Effect } from "effect"
import type { GuardServices } from "../../layers/guard/Guard.ts"
import type { ProgressEvent } from "../../layers/progress/ProgressEvent.ts"
import type { InstanceChain } from "../domain/instanceChain.ts"
import type { JsonObject } from "../domain/JsonObject.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Trace } from "../domain/Trace.ts"
import type { Client } from "./Client.ts"

export class Caller extends Context.Service<
  Caller,
  {
    readonly principal: Principal
    /** Unique per call; appears in logs, progress events and errors. */
    readonly requestId: string
    /** The caller's own id of the call. */
    readonly correlationId?: string | undefined
    readonly trace?: Trace | undefined
    /** The MCP session, where the transport has one. */
    readonly session?: string | undefined
    readonly conversation?: string | undefined
    /** The request, such as `tools/call echo`. */
    readonly call?: string
    /** From another instance: the instances that the call came through. */
    readonly chain?: InstanceChain | undefined
    /** `_meta` of an MCP request, as the client sent it. */
    readonly meta?: JsonObject | undefined
    /** The client program, if known. */
    readonly program?: { readonly name: string; readonly version: string } | undefined
    /**
     * Wraps the handler: keeps it running between two requests of a stateless client that responds to an input request.
     * Applied inside Guard, so that each request is a separate call.
     */
    readonly carry?: <A, E, R>(
      handler: Effect.Effect<A, E, R>
    ) => Effect.Effect<A, E, R | Client | GuardServices>
    /** Receives the progress events of the call; must neither throw nor wait. */
    readonly onProgress?: (event: ProgressEvent) => void
  }
>()("manifold/catalog/Caller") {}

/** Fields of a log line that identify its call; `undefined` outside of calls. */
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
