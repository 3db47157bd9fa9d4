/** The HTTP request behind a call of the REST service: principal, ids and trace. */
import { Context } from "effect"
import { validId } from "../../layers/http/requestId.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import type { Caller } from "../catalog/Caller.ts"
import type { Principal } from "../domain/Principal.ts"
import * as Trace from "../domain/Trace.ts"

export class RestRequest extends Context.Service<
  RestRequest,
  {
    readonly principal: Principal
    /** The grant of `principal`. */
    readonly grant: Grant
    readonly requestId: string
    readonly headers: Headers
  }
>()("manifold/rest/RestRequest") {}

/** How the request reaches the middleware of the API. */
export const Incoming = Context.Reference<RestRequest["Service"] | undefined>("manifold/rest/Incoming", {
  defaultValue: () => undefined
})

/** `call`: the MCP request, such as `tools/call echo`. */
export const callerOf = (
  { headers, principal, requestId }: Omit<RestRequest["Service"], "grant">,
  call: string
): Caller["Service"] => {
  const trace = Trace.parse(headers.get("traceparent"))
  return {
    principal,
    requestId,
    correlationId:
      validId(headers.get("x-correlation-id")) ?? validId(headers.get("x-request-id")) ?? trace?.traceId,
    trace,
    call
  }
}
