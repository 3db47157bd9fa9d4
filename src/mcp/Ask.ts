/** Carries a handler's questions to the client: by request in the session era, by rounds in the stateless one. */
import {
  isInputRequiredResult,
  type InputRequiredResult,
  type Server,
  type ServerContext
} from "@modelcontextprotocol/server"
import { Effect, Schema } from "effect"
import { ClientError, type Answer, type Question } from "../catalog/Client.ts"
import { SamplingBlock } from "../domain/Sampling.ts"
import { suspension } from "../domain/Transient.ts"
import type { State } from "./RequestState.ts"

type Questions = Readonly<Record<string, Question>>
type Answers = Readonly<Record<string, unknown>>

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
const fits = (kind: Question["kind"], answer: unknown): boolean => (made ??= makeFits())[kind](answer)

/** People answer at their own pace; in milliseconds. */
const patience = 600_000

const toRequest = (question: Question) => {
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
      return { method: "roots/list" }
  }
}

/** What the client said that it can do, whichever era it speaks. */
export const supports =
  (capabilities: Readonly<Record<string, unknown>> | undefined) =>
  (kind: Question["kind"]): boolean => {
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

/** One JSON-RPC request per question, all at once, on the stream of the call that asks. */
export const byRequest =
  (server: Server, context: ServerContext, newId: () => string) =>
  (questions: Questions): Effect.Effect<Answers, ClientError> => {
    const able = supports(server.getClientCapabilities())
    const ask = (question: Question) => {
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
          // The three methods share one call; each answer is checked below.
          context.mcpReq.send({ method, params: { ...params, ...extra } } as never, {
            signal,
            timeout: patience,
            resetTimeoutOnProgress: true
          }) as Promise<unknown>,
        catch: (cause) =>
          new ClientError({
            reason: "failed",
            detail: cause instanceof Error ? cause.message : String(cause)
          })
      }).pipe(
        Effect.filterOrFail(
          (answer): answer is Answer<Question> => fits(question.kind, answer),
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

/** Ends a handler's run because the client must answer first. Thrown as a defect, so that no handler recovers. */
export class Suspended {
  readonly [suspension] = true
  readonly questions: Questions
  readonly answers: Answers
  constructor(questions: Questions, answers: Answers) {
    this.questions = questions
    this.answers = answers
  }
}

/** Answers from what came with the request; what is missing ends this run, and the client's next one goes further. */
export const byRound = (earlier: Answers) => {
  /** What was asked and answered so far; anything else that the client sent is not carried on. */
  const used: Record<string, unknown> = {}
  return (questions: Questions): Effect.Effect<Answers, ClientError> =>
    Effect.suspend(() => {
      const missing: Record<string, Question> = {}
      for (const [key, question] of Object.entries(questions)) {
        if (Object.hasOwn(earlier, key) && fits(question.kind, earlier[key])) used[key] = earlier[key]
        else missing[key] = question
      }
      if (Object.keys(missing).length > 0) return Effect.die(new Suspended(missing, { ...used }))
      return Effect.succeed(Object.fromEntries(Object.keys(questions).map((key) => [key, used[key]])))
    })
}

/** The answers of this round and of all before it. */
export const answersOf = (context: ServerContext, request: string): Answers | "foreign" => {
  const state = context.mcpReq.requestState<State>()
  if (state !== undefined && state.request !== request) return "foreign"
  return { ...state?.answers, ...context.mcpReq.inputResponses }
}

export const toInputRequired = async (
  { answers, questions }: Suspended,
  mint: (answers: Answers) => Promise<string>
): Promise<InputRequiredResult> => {
  const result = {
    resultType: "input_required",
    inputRequests: Object.fromEntries(
      Object.entries(questions).map(([key, question]) => [key, toRequest(question)])
    ),
    requestState: await mint(answers)
  }
  if (!isInputRequiredResult(result)) throw new Error("An input request could not be expressed.")
  return result
}
