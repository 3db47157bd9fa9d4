/** Starts a request, or one round of a stateless one: a handler that asks its client continues with the next request. */
import type { Catalog } from "../catalog/Catalog.ts"
import type { Client } from "../catalog/Client.ts"
import { jsonSize } from "../catalog/jsonSize.ts"
import type { Principal } from "../domain/Principal.ts"
import { byRound, supports, toInputRequired, type InputResponses, type Suspended } from "./inputRequests.ts"
import type { Prepared } from "./methods.ts"
import { bindingOf } from "./requestBinding.ts"
import type { Program, RequestContext } from "./RequestContext.ts"
import type { Waiting } from "./RequestState.ts"
import { clientOf, start } from "./runRequest.ts"
import type { Subscriptions } from "./Subscriptions.ts"
import type { SuspendedCalls } from "./SuspendedCalls.ts"

/** Shared by the requests of one server. */
export interface Serving {
  readonly program: Program
  readonly catalog: Catalog["Service"]
  readonly subscriptions: Subscriptions
  readonly suspendedCalls: SuspendedCalls["Service"]
}

/** What a stateless request brings from earlier rounds. */
export interface EarlierRounds {
  readonly answers: InputResponses
  readonly waiting: Waiting | undefined
}

/** Whether the client supports any kind of input request. */
const canAnswer = (able: Client["Service"]["supports"]) =>
  able("elicit") || able("visit") || able("sample") || able("roots")

interface RoundOptions<Result> {
  readonly prepared: Prepared<Result>
  readonly params: unknown
  readonly context: RequestContext
  readonly earlier: EarlierRounds
  /** Sends input requests in a session. Absent: they end the round. */
  readonly ask?: (
    able: Client["Service"]["supports"]
  ) => (...requests: Parameters<Client["Service"]["ask"]>) => unknown
}

export const startRound = <Result>(
  { catalog, program, subscriptions, suspendedCalls }: Serving,
  { ask, context, earlier, params, prepared }: RoundOptions<Result>
) => {
  const { answers, waiting } = earlier
  const { inbound } = context
  const able = supports(context.capabilities)
  const rounds =
    context.stateless && canAnswer(able)
      ? suspendedCalls.rounds({
          principal: inbound.principal,
          request: prepared.label,
          answers,
          waiting,
          onGrantEnded: (interrupt) => inbound.onGrantEnded?.(interrupt),
          bytes: () => jsonSize(params, Infinity)
        })
      : undefined
  return start(
    program.services,
    program.newId,
    { catalog, context, subscriptions, instance: program.instance },
    prepared,
    clientOf(context, able, ask?.(able) ?? byRound(answers)),
    rounds
  )
}

/** The result that asks the client, with the state that its next request returns. */
export const askClient = (
  { states }: Program,
  principal: Principal,
  label: string,
  params: unknown,
  suspended: Suspended
) =>
  toInputRequired(suspended, (answers, waiting) =>
    states.codec(principal).mint({
      request: bindingOf(label, params),
      answers,
      ...(waiting && { waiting })
    })
  )
