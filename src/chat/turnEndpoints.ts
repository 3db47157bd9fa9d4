/** Endpoints under `/chat` for turns: messages, streams to resume, stops and answers. */
import { Effect } from "effect"
import { json } from "../../layers/http/responses.ts"
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { untilRevoked } from "../../layers/identity/untilRevoked.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { answeredApprovals } from "./answeredApprovals.ts"
import { refusal } from "./ChatRefusal.ts"
import { bodyOf, integer, query, wantsEvents, type ChatRequest } from "./ChatRequest.ts"
import type { Conversations, Submitted } from "./Conversations.ts"
import type { EventResponses } from "./eventResponse.ts"
import { frameWriter, uiWriter } from "./eventWriters.ts"
import { AnswerPayload, ChatBody, decoderOf, messageOf } from "./requests.ts"
import { runningTurn } from "./runningTurn.ts"
import { decodeUiRequest, isUiRequest, type UiAction } from "./uiRequest.ts"
import { wholeAnswer } from "./wholeAnswer.ts"

const decodeBody = decoderOf(ChatBody)
const decodeAnswer = decoderOf(AnswerPayload)

export interface TurnEndpointsOptions {
  readonly authenticator: Authenticator["Service"]
  readonly conversations: Conversations["Service"]
  readonly newId: Effect.Effect<string>
  readonly respond: EventResponses["respond"]
  readonly limits: StreamLimits
}

export const turnEndpoints = ({
  authenticator,
  conversations,
  limits,
  newId,
  respond
}: TurnEndpointsOptions) => {
  /** A conversation as frames, until the turn has ended. */
  const asFrames = (
    { connection, grant }: ChatRequest,
    { after, conversation }: Pick<Submitted, "after" | "conversation">,
    requestId: string
  ) =>
    respond({
      connection,
      grant,
      events: conversations.events(grant.principal, conversation, after),
      writer: frameWriter(requestId)
    })

  const submit = Effect.fnUntraced(function* (incoming: ChatRequest, value: unknown) {
    const given = yield* decodeBody(value)
    const { content, options } = yield* messageOf(given, "text")
    const requestId = given.request_id ?? incoming.request.headers.get("idempotency-key") ?? (yield* newId)
    const { principal } = incoming.grant
    const submitted = yield* conversations.submit({
      principal,
      revoked: untilRevoked(authenticator, incoming.grant),
      conversation: given.conversation_id ?? undefined,
      create: true,
      requestId,
      content,
      options,
      canAnswer: given.v === 1
    })
    return wantsEvents(incoming)
      ? asFrames(incoming, submitted, requestId)
      : json(200, yield* wholeAnswer(conversations, principal, submitted, requestId))
  })

  const decide = Effect.fnUntraced(function* (
    { connection, grant }: ChatRequest,
    { conversation, decisions }: Extract<UiAction, { readonly _tag: "decisions" }>
  ) {
    const { principal } = grant
    const turn = yield* runningTurn(conversations, principal, conversation)
    if (turn === undefined) return yield* refusal(409, "No turn waits for a decision any more.")
    const approvals = new Map(turn.approvals)
    const declined: Array<string> = []
    for (const { approved, id } of decisions) {
      const call = approvals.get(id)
      if (call === undefined) continue
      const action = approved ? "accept" : "decline"
      // False: it has another answer, which follows in the log.
      if (!(yield* conversations.answer(principal, conversation, { id, action }))) continue
      approvals.delete(id)
      if (!approved) declined.push(call)
    }
    return respond({
      connection,
      grant,
      events: conversations.events(principal, conversation, turn.lastSeq),
      writer: uiWriter(turn.requestId, { ...turn, approvals, declined })
    })
  })

  /** A turn as the stream of the AI SDK, from its beginning. It ends where the user has to decide now. */
  const replay = Effect.fnUntraced(function* (
    { connection, grant }: Pick<ChatRequest, "connection" | "grant">,
    { after, conversation }: Pick<Submitted, "after" | "conversation">,
    requestId: string
  ) {
    const answered = yield* answeredApprovals(conversations, grant.principal, conversation, after)
    return respond({
      connection,
      grant,
      events: conversations.events(grant.principal, conversation, after),
      writer: uiWriter(requestId, undefined, answered)
    })
  })

  const submitUi = Effect.fnUntraced(function* (incoming: ChatRequest, value: unknown) {
    const action = yield* decodeUiRequest(value)
    if (action._tag === "decisions") return yield* decide(incoming, action)
    const { again, content, conversation, messageId, options } = action
    const { connection, grant } = incoming
    const requestId = again ? `${messageId}.${yield* newId}` : messageId
    const submitted = yield* conversations.submit({
      principal: grant.principal,
      revoked: untilRevoked(authenticator, grant),
      conversation,
      create: true,
      requestId,
      content,
      options,
      canAnswer: true,
      replaces: again ? yield* latestTurn(grant, conversation, messageId) : undefined
    })
    return yield* replay({ connection, grant }, submitted, requestId)
  })

  /** The turn of a message, or its latest replacement. */
  const latestTurn = Effect.fnUntraced(function* ({ principal }: Grant, conversation: string, id: string) {
    const events = yield* conversations.read(principal, conversation, { limit: Number.MAX_SAFE_INTEGER })
    const isOf = (requestId: string) => requestId === id || requestId.startsWith(`${id}.`)
    const found = events.findLast((event) => event.type === "user_message" && isOf(event.request_id))
    return found !== undefined && "request_id" in found ? found.request_id : undefined
  })

  const resume = Effect.fnUntraced(function* (incoming: ChatRequest, id: string) {
    const { connection, grant, request, url } = incoming
    const { principal } = grant
    const { lastSeq, running } = yield* conversations.find(principal, id)
    if (running === undefined) return new Response(null, { status: 204 })
    const lastId = request.headers.get("last-event-id")
    if (!wantsEvents(incoming) && lastId === null && !url.searchParams.has("after")) {
      const from = { conversation: id, after: running.seq - 1 }
      return yield* replay({ connection, grant }, from, running.requestId)
    }
    const usual = lastId === null ? running.seq - 1 : yield* integer("Last-Event-ID", lastId, 0, lastSeq)
    const after = yield* query(incoming, "after", usual, 0, lastSeq)
    return asFrames(incoming, { conversation: id, after }, running.requestId)
  })

  const stop = Effect.fnUntraced(function* ({ grant }: ChatRequest, id: string) {
    const stopped = yield* conversations.stop(grant.principal, id)
    return json(200, { status: stopped ? "stopping" : "idle", conversation_id: id })
  })

  const answer = Effect.fnUntraced(function* (incoming: ChatRequest, id: string) {
    const { action, content, id: input } = yield* decodeAnswer(yield* bodyOf(incoming, limits))
    const isOpen = yield* conversations.answer(incoming.grant.principal, id, {
      id: input,
      action,
      content: content ?? undefined
    })
    if (!isOpen) return yield* refusal(409, "The request for input is not open any more.")
    return json(200, { status: "answered", conversation_id: id })
  })

  const post = Effect.fnUntraced(function* (incoming: ChatRequest) {
    const value = yield* bodyOf(incoming, limits)
    return yield* isUiRequest(value) ? submitUi(incoming, value) : submit(incoming, value)
  })

  return { answer, post, resume, stop }
}
