/** Input requests of a handler to its client: as JSON-RPC requests in a session, as rounds in a stateless call. */
import {
  isInputRequiredResult,
  type InputRequiredResult,
  type RequestOptions,
  type ServerContext
} from "@modelcontextprotocol/server"
import { Effect, Schema } from "effect"
import { withoutTimeLimit } from "../../layers/guard/timeLimit.ts"
import { ClientError, type InputResponse, type InputRequest } from "../catalog/Client.ts"
import { missingCapability } from "../domain/errorCodes.ts"
import type { Failure } from "../domain/Failure.ts"
import { isObject } from "../domain/JsonObject.ts"
import { SamplingBlock } from "../domain/Sampling.ts"
import { lazy } from "../domain/lazy.ts"
import { suspension } from "../domain/Transient.ts"
import type { State, Waiting } from "./RequestState.ts"

export type InputRequests = Readonly<Record<string, InputRequest>>
export type InputResponses = Readonly<Record<string, unknown>>

/** Checks responses against their requests. Created lazily, because a start does not need it. */
const makeValidators = () => {
  const optional = Schema.optionalKey(Schema.String)
  const elicited = Schema.Struct({
    action: Schema.Literals(["accept", "decline", "cancel"]),
    content: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown))
  })
  const sampled = Schema.Struct({
    role: Schema.Literals(["user", "assistant"]),
    content: Schema.Union([SamplingBlock, Schema.Array(SamplingBlock)]),
    model: Schema.String,
    stopReason: optional
  })
  const roots = Schema.Struct({ roots: Schema.Array(Schema.Struct({ uri: Schema.String, name: optional })) })
  const is = { elicit: Schema.is(elicited), sample: Schema.is(sampled), roots: Schema.is(roots) }
  return { ...is, visit: is.elicit }
}
const validators = lazy(makeValidators)
const fits = (kind: InputRequest["kind"], response: unknown): boolean => validators()[kind](response)

/** Time limit of a response, in milliseconds; long, because users fill in forms. */
const responseTimeout = 600_000

/** An input request in its MCP form. */
interface ClientRequest {
  readonly method: "elicitation/create" | "sampling/createMessage" | "roots/list"
  readonly params: Record<string, unknown>
}

const toRequest = (request: InputRequest): ClientRequest => {
  switch (request.kind) {
    case "elicit":
      return {
        method: "elicitation/create",
        params: { mode: "form", message: request.message, requestedSchema: request.schema }
      }
    case "visit":
      return {
        method: "elicitation/create",
        params: { mode: "url", message: request.message, url: request.url }
      }
    case "sample": {
      const { kind: _, ...params } = request
      return { method: "sampling/createMessage", params }
    }
    case "roots":
      return { method: "roots/list", params: {} }
  }
}

/** Whether the client's capabilities include a kind of request. */
export const supports =
  (capabilities: Readonly<Record<string, unknown>> | undefined) =>
  (kind: InputRequest["kind"]): boolean => {
    const elicitation = capabilities?.elicitation as { form?: unknown; url?: unknown } | undefined
    switch (kind) {
      case "elicit":
        return elicitation !== undefined && (elicitation.form !== undefined || elicitation.url === undefined)
      case "visit":
        return elicitation?.url !== undefined
      case "sample":
        return capabilities?.sampling !== undefined
      case "roots":
        return capabilities?.roots !== undefined
    }
  }

/** Sends one request to the client on the stream of the call, and resolves with its result. */
export type SendRequest = (request: ClientRequest, options: RequestOptions) => Promise<unknown>

/** Sends one JSON-RPC request per input request, all at once, on the stream of the call. */
export const byRequest =
  (able: (kind: InputRequest["kind"]) => boolean, send: SendRequest, newId: () => string) =>
  (requests: InputRequests): Effect.Effect<InputResponses, ClientError> => {
    const ask = (request: InputRequest) => {
      if (!able(request.kind)) {
        return Effect.fail(
          new ClientError({
            reason: "unsupported",
            detail: `The client does not support ${request.kind} requests.`
          })
        )
      }
      const { method, params } = toRequest(request)
      const extra = request.kind === "visit" ? { elicitationId: request.elicitationId ?? newId() } : {}
      const response = Effect.tryPromise({
        try: (signal) =>
          send(
            { method, params: { ...params, ...extra } },
            { signal, timeout: responseTimeout, resetTimeoutOnProgress: true }
          ),
        catch: (cause) =>
          new ClientError({
            reason: "failed",
            detail: cause instanceof Error ? cause.message : String(cause)
          })
      })
      const isForPerson = request.kind === "elicit" || request.kind === "visit"
      return (isForPerson ? withoutTimeLimit(response) : response).pipe(
        Effect.filterOrFail(
          (given): given is InputResponse<InputRequest> => fits(request.kind, given),
          () =>
            new ClientError({ reason: "failed", detail: `The client's response to ${method} is malformed.` })
        )
      )
    }
    return Effect.all(
      Object.fromEntries(Object.entries(requests).map(([key, request]) => [key, ask(request)])),
      { concurrency: "unbounded" }
    )
  }

/** The capabilities that a client must declare to be asked (MCP 2026-07-28). */
const capabilitiesFor = (request: InputRequest) => {
  switch (request.kind) {
    case "elicit":
      return { elicitation: { form: {} } }
    case "visit":
      return { elicitation: { url: {} } }
    case "sample":
      return request.tools === undefined && request.toolChoice === undefined
        ? { sampling: {} }
        : { sampling: { tools: {} } }
    case "roots":
      return { roots: {} }
  }
}

/** The failure of a round that asks for what the client has not declared. */
export const missingCapabilities = (
  requests: InputRequests,
  capabilities: Readonly<Record<string, unknown>> | undefined
): Failure | undefined => {
  const able = supports(capabilities)
  const { sampling } = capabilities ?? {}
  const hasTools = isObject(sampling) && sampling.tools !== undefined
  for (const [key, request] of Object.entries(requests)) {
    const required = capabilitiesFor(request)
    if (able(request.kind) && (hasTools || !("sampling" in required && "tools" in required.sampling)))
      continue
    return {
      code: missingCapability,
      status: 400,
      message: `Cannot request input "${key}" (${toRequest(request).method}): the client does not declare the capability.`,
      data: { requiredCapabilities: required }
    }
  }
  return undefined
}

/** Ends a round until the client responds. Thrown as a defect, so that no handler recovers from it. */
export class Suspended {
  readonly [suspension] = true
  readonly requests: InputRequests
  /** Responses used so far. */
  readonly answers: InputResponses
  /** Reference to the handler, if it keeps running for the next round. */
  readonly waiting: Waiting | undefined
  constructor(requests: InputRequests, answers: InputResponses, waiting?: Waiting) {
    this.requests = requests
    this.answers = answers
    this.waiting = waiting
  }
}

/** Splits requests into those with a valid response and those that are still missing one. */
export const split = (requests: InputRequests, given: InputResponses) => {
  const answered: Record<string, unknown> = {}
  const missing: Record<string, InputRequest> = {}
  for (const [key, request] of Object.entries(requests)) {
    if (Object.hasOwn(given, key) && fits(request.kind, given[key])) answered[key] = given[key]
    else missing[key] = request
  }
  return { answered, missing, complete: Object.keys(missing).length === 0 }
}

/** Uses the responses that came with the request. A missing one ends this round; the next request continues. */
export const byRound = (given: InputResponses) => {
  /** Other data from the client is not carried on. */
  const used: Record<string, unknown> = {}
  return (requests: InputRequests): Effect.Effect<InputResponses, ClientError> =>
    Effect.suspend(() => {
      const { answered, complete, missing } = split(requests, given)
      Object.assign(used, answered)
      return complete ? Effect.succeed(answered) : Effect.die(new Suspended(missing, { ...used }))
    })
}

/** The responses of this round and of all earlier ones. */
export const answersOf = (context: ServerContext, state: State | undefined): InputResponses => ({
  ...state?.answers,
  ...context.mcpReq.inputResponses
})

export const toInputRequired = async (
  { answers, requests, waiting }: Suspended,
  mint: (answers: InputResponses, waiting: Waiting | undefined) => Promise<string>
): Promise<InputRequiredResult> => {
  const result = {
    resultType: "input_required",
    inputRequests: Object.fromEntries(
      Object.entries(requests).map(([key, request]) => [key, toRequest(request)])
    ),
    requestState: await mint(answers, waiting)
  }
  if (!isInputRequiredResult(result)) throw new Error("An input request does not match the MCP schema.")
  return result
}
