/** Registers the catalog's methods with an SDK server, for stateless requests and connections that the SDK negotiates. */
import {
  ProtocolError,
  type RequestId,
  type ResultTypeMap,
  type Server,
  type ServerContext,
  type StandardSchemaV1
} from "@modelcontextprotocol/server"
import type { Exit, Fiber } from "effect"
import type { Inbound } from "../../layers/transports/McpServers.ts"
import { invalidParams } from "../domain/errorCodes.ts"
import { isFailure, isRejection, type Failure } from "../domain/Failure.ts"
import { notifyComplete } from "./elicitationComplete.ts"
import { answersOf, byRequest, Suspended } from "./inputRequests.ts"
import { bindingOf } from "./requestBinding.ts"
import { methods, type Method, type MethodName } from "./methods.ts"
import type { RequestContext } from "./RequestContext.ts"
import type { State } from "./RequestState.ts"
import { outcomeOf, ErrorResponse } from "./runRequest.ts"
import { askClient, startRound, type Serving } from "./startRound.ts"

const clientCapabilitiesKey = "io.modelcontextprotocol/clientCapabilities"

type JsonObject = Readonly<Record<string, unknown>>

/** Shared by the requests of one SDK server. */
export interface Registration extends Serving {
  readonly server: Server
  readonly inboundOf: (id: RequestId) => Inbound
  /** Called before an error that rejects the request is thrown. */
  readonly onRejected?: (failure: Failure) => void
}

const contextOf = ({ inboundOf, server }: Registration, { mcpReq }: ServerContext): RequestContext => {
  const envelope = mcpReq.envelope as JsonObject | undefined
  return {
    inbound: inboundOf(mcpReq.id),
    stateless: envelope !== undefined,
    meta: mcpReq._meta,
    peer: server,
    program: server.getClientVersion(),
    capabilities:
      envelope === undefined
        ? server.getClientCapabilities()
        : (envelope[clientCapabilitiesKey] as JsonObject | undefined),
    gone: () => mcpReq.signal.aborted,
    notify: (notification) => mcpReq.notify(notification),
    completed: (id) => notifyComplete(server, id),
    log: (level, data, logger) => mcpReq.log(level, data, logger)
  }
}

const toError = ({ onRejected }: Registration, failure: Failure) => {
  if (isRejection(failure)) onRejected?.(failure)
  return new ProtocolError(failure.code, failure.message, failure.data)
}

const serve = async <Result extends object>(
  registration: Registration,
  method: Method<Result>,
  params: unknown,
  sdk: ServerContext
) => {
  const prepared = method.prepare(params)
  if (isFailure(prepared)) throw toError(registration, prepared)
  const { program, suspendedCalls } = registration
  const context = contextOf(registration, sdk)
  const { label } = prepared
  const state = sdk.mcpReq.requestState<State>()
  const reject = (message: string) => toError(registration, { code: invalidParams, status: 400, message })
  // A state is valid only for the request and the arguments that it was minted for.
  if (state !== undefined && state.request !== bindingOf(label, params)) {
    throw reject(
      "This requestState belongs to another request or other arguments. Repeat the original request."
    )
  }
  if (state?.waiting !== undefined && suspendedCalls.dropped(state.waiting)) {
    throw reject("This request has completed and its result is no longer available. Send a new request.")
  }
  const running = startRound(registration, {
    prepared,
    params,
    context,
    earlier: { answers: answersOf(sdk, state), waiting: state?.waiting },
    ...(!context.stateless && {
      ask: (able) => byRequest(able, (outgoing, options) => sdk.mcpReq.send(outgoing, options), program.newId)
    })
  })
  const { signal } = sdk.mcpReq
  const exit = running.fiber.pollUnsafe() ?? (await interruptible(running.fiber, signal, context.inbound))
  // The response is the last message of its request.
  if (running.sent !== undefined && !signal.aborted) await running.sent()
  const outcome = outcomeOf(exit, running, method, context)
  if (outcome instanceof ErrorResponse) throw toError(registration, outcome.failure)
  if (!(outcome instanceof Suspended)) return outcome
  return askClient(program, context.inbound.principal, label, params, outcome)
}

/** Resolves with the exit of the fiber; the signal and the end of the credential interrupt it. */
const interruptible = <A, E>(fiber: Fiber.Fiber<A, E>, signal: AbortSignal, inbound: Inbound) => {
  const interrupt = () => fiber.interruptUnsafe()
  const unfollow = inbound.onEnded?.(interrupt)
  if (unfollow !== undefined) fiber.addObserver(unfollow)
  if (signal.aborted) interrupt()
  else signal.addEventListener("abort", interrupt, { once: true })
  return new Promise<Exit.Exit<A, E>>((resolve) => fiber.addObserver(resolve))
}

/** Accepts all params: the methods decode them, with their own messages. */
const unchecked: StandardSchemaV1 = {
  "~standard": { version: 1, vendor: "manifold", validate: (value) => ({ value }) }
}

/** Registers one method, or all of them. */
export const register = (registration: Registration, only?: string) => {
  for (const name of Object.keys(methods) as ReadonlyArray<MethodName>) {
    if (only !== undefined && only !== name) continue
    // The loop over the names loses the relation between a name and its result type.
    const method = methods[name] as Method<ResultTypeMap[typeof name]>
    registration.server.setRequestHandler(name, { params: unchecked }, (params, context) =>
      serve(registration, method, params, context)
    )
  }
}
