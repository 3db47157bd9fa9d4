/** Rounds of a 2026-07-28 request: the server answers with input requests, and the call is sent again with the responses. */
import { Effect } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { UpstreamError } from "./UpstreamError.ts"

/** Input requests by key, as the server sent them. */
export type InputRequests = Readonly<Record<string, { readonly method: string; readonly params: JsonObject }>>

/** Gets the responses of the caller, by key. */
export type Answer<R = never> = (
  requests: InputRequests
) => Effect.Effect<Readonly<Record<string, JsonObject>>, UpstreamError, R>

/** Limit for servers that ask without end; a form needs a few rounds. */
const maxRounds = 32

/** Delay before a request is repeated that the server deferred without an input request. */
const pause = "250 millis"

const isRequest = (value: unknown): value is JsonObject & { readonly method: string } =>
  isObject(value) && typeof value.method === "string"

const requestsOf = (value: unknown): InputRequests => {
  if (!isObject(value)) return {}
  const entries = Object.entries(value).flatMap(([key, request]) =>
    isRequest(request)
      ? [[key, { method: request.method, params: isObject(request.params) ? request.params : {} }] as const]
      : []
  )
  return Object.fromEntries(entries)
}

type Send = (params: JsonObject) => Effect.Effect<JsonObject, UpstreamError>

const nextRounds = Effect.fnUntraced(function* (
  server: string,
  params: JsonObject,
  send: Send,
  answer: Answer | undefined,
  first: JsonObject
) {
  let result = first
  for (let round = 0; result.resultType === "input_required"; round++) {
    const requests = requestsOf(result.inputRequests)
    const waiting = Object.keys(requests).length === 0
    if (round >= maxRounds || (answer === undefined && !waiting)) {
      return yield* new UpstreamError({
        server,
        stage: "call",
        detail:
          answer === undefined
            ? "the server needs input, which this request cannot provide"
            : `the server still needs input after ${maxRounds} rounds`,
        unsent: false
      })
    }
    const inputResponses = answer === undefined || waiting ? undefined : yield* answer(requests)
    if (waiting) yield* Effect.sleep(pause)
    const { requestState } = result
    result = yield* send({
      ...params,
      ...(inputResponses !== undefined && { inputResponses }),
      ...(requestState !== undefined && { requestState })
    })
  }
  return result
})

/** Sends the request until its result is complete. */
export const withRounds = (server: string, params: JsonObject, send: Send, answer: Answer | undefined) =>
  Effect.filterOrElse(
    send(params),
    ({ resultType }) => resultType !== "input_required",
    (first) => nextRounds(server, params, send, answer, first)
  )
