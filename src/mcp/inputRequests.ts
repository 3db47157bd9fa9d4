/** Carries a handler's questions to the client: by request in the session era, by rounds in the stateless one. */
import {
  isInputRequiredResult,
  type InputRequiredResult,
  type RequestOptions,
  type ServerContext
} from "@modelcontextprotocol/server"
import { Effect, Schema } from "effect"
import { ClientError, type InputResponse, type InputRequest } from "../catalog/Client.ts"
import { SamplingBlock } from "../domain/Sampling.ts"
import { suspension } from "../domain/Transient.ts"
import type { State, Waiting } from "./RequestState.ts"

export type InputRequests = Readonly<Record<string, InputRequest>>
export type InputResponses = Readonly<Record<string, unknown>>

/** Whether an answer has the shape of its question's; made when the first one comes, because a start needs none. */
const makeFits = () => {
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
let made: ReturnType<typeof makeFits> | undefined
const fits = (kind: InputRequest["kind"], answer: unknown): boolean => (made ??= makeFits())[kind](answer)

/** How long a client may take to answer, in milliseconds: people fill in forms at their own pace. */
const answerTimeout = 600_000

/** A request to the client, as MCP puts a question. */
interface ClientRequest {
  readonly method: "elicitation/create" | "sampling/createMessage" | "roots/list"
  readonly params: Record<string, unknown>
}

const toRequest = (question: InputRequest): ClientRequest => {
  switch (question.kind) {
    case "elicit":
      return {
        method: "elicitation/create",
        params: { mode: "form", message: question.message, requestedSchema: question.schema }
      }
    case "visit":
      return {
        method: "elicitation/create",
        params: { mode: "url", message: question.message, url: question.url }
      }
    case "sample": {
      const { kind: _, ...params } = question
      return { method: "sampling/createMessage", params }
    }
    case "roots":
      return { method: "roots/list", params: {} }
  }
}

/** What the client said that it can do, whichever era it speaks. */
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

/** Sends one request to the client on the stream of the call that asks, and resolves with its result. */
export type SendRequest = (request: ClientRequest, options: RequestOptions) => Promise<unknown>

/** One JSON-RPC request per question, all at once, on the stream of the call that asks. */
export const byRequest =
  (able: (kind: InputRequest["kind"]) => boolean, send: SendRequest, newId: () => string) =>
  (questions: InputRequests): Effect.Effect<InputResponses, ClientError> => {
    const ask = (question: InputRequest) => {
      if (!able(question.kind)) {
        return Effect.fail(
          new ClientError({
            reason: "unsupported",
            detail: `The client does not support ${question.kind} requests.`
          })
        )
      }
      const { method, params } = toRequest(question)
      const extra = question.kind === "visit" ? { elicitationId: question.elicitationId ?? newId() } : {}
      return Effect.tryPromise({
        try: (signal) =>
          send(
            { method, params: { ...params, ...extra } },
            { signal, timeout: answerTimeout, resetTimeoutOnProgress: true }
          ),
        catch: (cause) =>
          new ClientError({
            reason: "failed",
            detail: cause instanceof Error ? cause.message : String(cause)
          })
      }).pipe(
        Effect.filterOrFail(
          (answer): answer is InputResponse<InputRequest> => fits(question.kind, answer),
          () =>
            new ClientError({ reason: "failed", detail: `The client's answer to ${method} is malformed.` })
        )
      )
    }
    return Effect.all(
      Object.fromEntries(Object.entries(questions).map(([key, question]) => [key, ask(question)])),
      { concurrency: "unbounded" }
    )
  }

/** Ends a round because the client must answer first. Thrown as a defect, so that no handler recovers from it. */
export class Suspended {
  readonly [suspension] = true
  readonly questions: InputRequests
  /** Every answer that was used so far. */
  readonly answers: InputResponses
  /** Where the handler waits, if it is kept running for the next round. */
  readonly waiting: Waiting | undefined
  constructor(questions: InputRequests, answers: InputResponses, waiting?: Waiting) {
    this.questions = questions
    this.answers = answers
    this.waiting = waiting
  }
}

/** Splits questions into what the client has answered in the right shape, and what it must still be asked. */
export const split = (questions: InputRequests, given: InputResponses) => {
  const answered: Record<string, unknown> = {}
  const missing: Record<string, InputRequest> = {}
  for (const [key, question] of Object.entries(questions)) {
    if (Object.hasOwn(given, key) && fits(question.kind, given[key])) answered[key] = given[key]
    else missing[key] = question
  }
  return { answered, missing, complete: Object.keys(missing).length === 0 }
}

/** InputResponses from what came with the request; what is missing ends this run, and the client's next one goes further. */
export const byRound = (given: InputResponses) => {
  /** Anything else that the client sent is not carried on. */
  const used: Record<string, unknown> = {}
  return (questions: InputRequests): Effect.Effect<InputResponses, ClientError> =>
    Effect.suspend(() => {
      const { answered, complete, missing } = split(questions, given)
      Object.assign(used, answered)
      return complete ? Effect.succeed(answered) : Effect.die(new Suspended(missing, { ...used }))
    })
}

/** The answers of this round and of all before it. */
export const answersOf = (context: ServerContext, state: State | undefined): InputResponses => ({
  ...state?.answers,
  ...context.mcpReq.inputResponses
})

export const toInputRequired = async (
  { answers, questions, waiting }: Suspended,
  mint: (answers: InputResponses, waiting: Waiting | undefined) => Promise<string>
): Promise<InputRequiredResult> => {
  const result = {
    resultType: "input_required",
    inputRequests: Object.fromEntries(
      Object.entries(questions).map(([key, question]) => [key, toRequest(question)])
    ),
    requestState: await mint(answers, waiting)
  }
  if (!isInputRequiredResult(result)) throw new Error("An input request could not be expressed.")
  return result
}
