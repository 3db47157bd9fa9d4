/** Runs one catalog effect for one MCP request: gives handlers their services, and interrupts them with the request. */
import {
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext
} from "@modelcontextprotocol/server"
import { Cause, Context, Effect, Exit } from "effect"
import type { Passage } from "../../layers/transports/turnedAway.ts"
import type { Principal } from "../domain/Principal.ts"
import { Caller } from "../catalog/Caller.ts"
import { Client } from "../catalog/Client.ts"
import type { CallerServices } from "../catalog/Entry.ts"
import { answersOf, byRequest, byRound, supports, Suspended, toInputRequired } from "./Ask.ts"
import { makeProgress } from "./progress.ts"
import { RequestCaller } from "./RequestCaller.ts"
import type { RequestState } from "./RequestState.ts"

const clientCapabilitiesKey = "io.modelcontextprotocol/clientCapabilities"

/** What all requests of one server share. */
export interface Connection {
  readonly server: Server
  readonly principal: Principal
  /** The program's services, in which handlers run. */
  readonly services: Context.Context<never>
  readonly states: RequestState["Service"]
  readonly newId: () => string
}

const ignore = Effect.ignore({ log: "Debug" })

const clientOf = (
  connection: Connection,
  context: ServerContext,
  earlier: Readonly<Record<string, unknown>>
) => {
  const { server } = connection
  const envelope = context.mcpReq.envelope as Readonly<Record<string, unknown>> | undefined
  const capabilities =
    envelope === undefined
      ? server.getClientCapabilities()
      : (envelope[clientCapabilitiesKey] as object | undefined)
  const ask = envelope === undefined ? byRequest(server, context, connection.newId) : byRound(earlier)
  return Client.of({
    supports: supports(capabilities as Readonly<Record<string, unknown>> | undefined),
    log: (level, data, logger) =>
      Effect.tryPromise(() => context.mcpReq.log(level, data, logger)).pipe(ignore),
    // One answer of its kind per question: `Ask` checked them.
    ask: ask as Client["Service"]["ask"],
    release: Effect.sync(() => context.http?.closeSSE?.())
  })
}

/** `request` names what is asked for, so that a state minted for one request is not accepted for another. */
export const run = async <A, E>(
  connection: Connection,
  context: ServerContext,
  request: string,
  effect: Effect.Effect<A, E, CallerServices>,
  failed: (error: E) => A | ProtocolError
) => {
  const { principal, services, states } = connection
  const earlier = answersOf(context, request)
  if (earlier === "foreign") {
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, "This requestState belongs to another request.")
  }
  const progress = makeProgress(context)
  const caller = new RequestCaller({
    principal,
    newId: connection.newId,
    call: request,
    program: connection.server.getClientVersion(),
    context,
    onProgress: progress?.onProgress
  })
  // Adding is cheap, merging copies everything.
  const within = services.pipe(
    Context.add(Caller, caller),
    Context.add(Client, clientOf(connection, context, earlier))
  )
  const exit = await Effect.runPromiseExitWith(within)(effect, {
    signal: context.mcpReq.signal
  })
  // The answer is the last that the client hears of its request.
  if (progress !== undefined && !context.mcpReq.signal.aborted) await progress.sent()
  if (Exit.isSuccess(exit)) return exit.value
  for (const reason of exit.cause.reasons) {
    if (Cause.isDieReason(reason) && reason.defect instanceof Suspended) {
      return toInputRequired(reason.defect, (answers) => states.codec(principal).mint({ request, answers }))
    }
  }
  for (const reason of exit.cause.reasons) {
    if (!Cause.isFailReason(reason)) continue
    const answer = failed(reason.error)
    if (!(answer instanceof ProtocolError)) return answer
    const passage = context.http?.authInfo?.extra?.passage as Passage | undefined
    if (passage !== undefined) passage.refused = answer
    throw answer
  }
  if (Cause.hasInterruptsOnly(exit.cause)) {
    throw new ProtocolError(ProtocolErrorCode.InternalError, "The request was cancelled.")
  }
  Effect.runForkWith(within)(Effect.logError("a request failed unexpectedly", exit.cause))
  throw new ProtocolError(
    ProtocolErrorCode.InternalError,
    `Internal error. The log has more under request ${caller.requestId}.`
  )
}
