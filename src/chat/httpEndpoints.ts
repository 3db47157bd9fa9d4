/** The endpoints under `/chat`: messages, streams to resume, stops, answers, history and export. */
import { Cause, Effect, Exit, Layer } from "effect"
import type { ChatFailure } from "../../layers/chat/ChatEvent.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { untilRevoked } from "../../layers/identity/untilRevoked.ts"
import { json, methodNotAllowed } from "../../layers/http/responses.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import {
  authenticateRequest,
  authenticateStream,
  withGrant
} from "../../layers/transports/authenticateRequest.ts"
import { MessageRejection, toValue } from "../../layers/transports/jsonRpc.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { refusal, type ChatRefusal } from "./ChatRefusal.ts"
import { Conversations, type Submitted } from "./Conversations.ts"
import { makeEventResponses } from "./eventResponse.ts"
import { frameWriter, uiWriter } from "./eventWriters.ts"
import { toMarkdown } from "./exportConversation.ts"
import { errorFrame, frameOf } from "./frames.ts"
import { AnswerPayload, ChatBody, decode, messageOf } from "./requests.ts"
import { decodeUiRequest, isUiRequest, type UiAction } from "./uiRequest.ts"
import { answeredApprovals } from "./answeredApprovals.ts"
import { runningTurn } from "./runningTurn.ts"
import { wholeAnswer } from "./wholeAnswer.ts"

/** Events of a page of the history, and conversations of a page of the list, by default and at most. */
const page = { usual: 100, most: 1000 }

/** nginx's status "client closed request"; no client sees it. */
const clientClosed = 499

interface Incoming {
  readonly request: Request
  readonly connection: Connection
  readonly grant: Grant
  readonly url: URL
}

const rejected = (error: ChatFailure | ChatRefusal): Response =>
  json(error.code, errorFrame(null, error), error.code === 503 ? { "retry-after": "1" } : undefined)

const wantsEvents = ({ request }: Incoming): boolean =>
  request.headers.get("accept")?.includes("text/event-stream") === true

const integer = Effect.fnUntraced(function* (name: string, given: string, least: number, most: number) {
  const value = given === "" ? NaN : Number(given)
  if (Number.isInteger(value) && value >= least && value <= most) return value
  return yield* refusal(400, `${name} must be an integer from ${least} to ${most}.`)
})

const query = ({ url }: Incoming, name: string, usual: number, least: number, most: number) => {
  const given = url.searchParams.get(name)
  return given === null ? Effect.succeed(usual) : integer(name, given, least, most)
}

/** Clients may encode characters of an id that need no encoding. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

export const layer = (limits: StreamLimits) =>
  Layer.effectDiscard(
    Effect.gen(function* () {
      const routes = yield* Routes
      const authenticator = yield* Authenticator
      const conversations = yield* Conversations
      const { next: newId } = yield* Ids
      const { endAll, respond } = yield* makeEventResponses(limits)
      const runExit = Effect.runPromiseExitWith(yield* Effect.context<never>())

      const body = Effect.fnUntraced(function* ({ request }: Incoming) {
        const type = request.headers.get("content-type") ?? ""
        if (!/^application\/json\b/i.test(type)) {
          return yield* refusal(415, "Content-Type must be application/json.")
        }
        const bytes = yield* Effect.promise(() => request.bytes())
        if (bytes.byteLength > limits.maxMessageBytes) {
          return yield* refusal(413, `Body too large: at most ${limits.maxMessageBytes} bytes.`)
        }
        const value = toValue(bytes, limits.bounds)
        return value instanceof MessageRejection ? yield* refusal(value.status, value.message) : value
      })

      /** A conversation as frames, until the turn has ended. */
      const asFrames = (
        { connection, grant }: Incoming,
        { after, conversation }: Pick<Submitted, "after" | "conversation">,
        requestId: string
      ) =>
        respond({
          connection,
          grant,
          events: conversations.events(grant.principal, conversation, after),
          writer: frameWriter(requestId)
        })

      const submit = Effect.fnUntraced(function* (incoming: Incoming, value: unknown) {
        const given = yield* decode(ChatBody, value)
        const { content, options } = yield* messageOf(given, "text")
        const requestId =
          given.request_id ?? incoming.request.headers.get("idempotency-key") ?? (yield* newId)
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
        { connection, grant }: Incoming,
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
        { connection, grant }: Pick<Incoming, "connection" | "grant">,
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

      const submitUi = Effect.fnUntraced(function* (incoming: Incoming, value: unknown) {
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
      const latestTurn = Effect.fnUntraced(function* (
        { principal }: Grant,
        conversation: string,
        id: string
      ) {
        const events = yield* conversations.read(principal, conversation, { limit: Number.MAX_SAFE_INTEGER })
        const isOf = (requestId: string) => requestId === id || requestId.startsWith(`${id}.`)
        const found = events.findLast((event) => event.type === "user_message" && isOf(event.request_id))
        return found !== undefined && "request_id" in found ? found.request_id : undefined
      })

      const resume = Effect.fnUntraced(function* (incoming: Incoming, id: string) {
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

      const stop = Effect.fnUntraced(function* ({ grant }: Incoming, id: string) {
        const stopped = yield* conversations.stop(grant.principal, id)
        return json(200, { status: stopped ? "stopping" : "idle", conversation_id: id })
      })

      const answer = Effect.fnUntraced(function* (incoming: Incoming, id: string) {
        const { action, content, id: input } = yield* decode(AnswerPayload, yield* body(incoming))
        const isOpen = yield* conversations.answer(incoming.grant.principal, id, {
          id: input,
          action,
          content: content ?? undefined
        })
        if (!isOpen) return yield* refusal(409, "The request for input is not open any more.")
        return json(200, { status: "answered", conversation_id: id })
      })

      const history = Effect.fnUntraced(function* (incoming: Incoming, id: string) {
        const { principal } = incoming.grant
        const found = yield* conversations.find(principal, id)
        const limit = yield* query(incoming, "limit", page.usual, 1, page.most)
        const before = yield* query(incoming, "before", Number.MAX_SAFE_INTEGER, 0, Number.MAX_SAFE_INTEGER)
        const events = yield* conversations.read(principal, id, { before, limit })
        return json(200, { ...aboutOf(found), events: events.map(frameOf) })
      })

      const exported = Effect.fnUntraced(function* ({ grant, url }: Incoming, id: string) {
        const format = url.searchParams.get("format") ?? "json"
        if (format !== "json" && format !== "md") return yield* refusal(400, "format must be json or md.")
        const found = yield* conversations.find(grant.principal, id)
        const events = yield* conversations.read(grant.principal, id, { limit: Number.MAX_SAFE_INTEGER })
        const name = { "content-disposition": `attachment; filename="conversation-${id}.${format}"` }
        if (format === "json") return json(200, { ...aboutOf(found), events: events.map(frameOf) }, name)
        const type = { "content-type": "text/markdown; charset=utf-8" }
        return new Response(toMarkdown(found, events), { headers: { ...type, ...name } })
      })

      const list = Effect.fnUntraced(function* (incoming: Incoming) {
        const { grant, url } = incoming
        const limit = yield* query(incoming, "limit", page.usual, 1, page.most)
        const search = url.searchParams.get("search") ?? undefined
        const cursor = url.searchParams.get("cursor") ?? undefined
        const { conversations: found, next } = yield* conversations.list(grant.principal, {
          limit,
          search,
          cursor
        })
        return json(200, {
          conversations: found.map(aboutOf),
          ...(next !== undefined && { next_cursor: next })
        })
      })

      const remove = Effect.fnUntraced(function* ({ grant }: Incoming, id: string) {
        yield* conversations.remove(grant.principal, id)
        return new Response(null, { status: 204 })
      })

      const post = Effect.fnUntraced(function* (incoming: Incoming) {
        const value = yield* body(incoming)
        return yield* isUiRequest(value) ? submitUi(incoming, value) : submit(incoming, value)
      })

      type Endpoint = (incoming: Incoming, id: string) => Effect.Effect<Response, ChatRefusal>
      /** By path, with `*` for the conversation, and method. */
      const endpoints: Readonly<Record<string, Readonly<Record<string, Endpoint>>>> = {
        "/chat": { GET: list, POST: post },
        "/chat/*": { GET: history, DELETE: remove },
        "/chat/*/stream": { GET: resume },
        "/chat/*/stop": { POST: stop },
        "/chat/*/answer": { POST: answer },
        "/chat/*/export": { GET: exported }
      }

      const serve = (incoming: Incoming): Response | Promise<Response> => {
        const { request, url } = incoming
        const [, , id = "", ...rest] = url.pathname.split("/").map(decoded)
        const path = ["/chat", ...(id === "" ? [] : ["*", ...rest])].join("/")
        const methods = Object.hasOwn(endpoints, path) ? endpoints[path] : undefined
        if (methods === undefined) return rejected(refusal(404, "Not found: no endpoint has this path."))
        const endpoint = methods[request.method]
        if (endpoint === undefined) return methodNotAllowed(Object.keys(methods).join(", "))
        const scope = request.method === "GET" ? "read" : "call"
        if (!incoming.grant.principal.may([scope])) {
          return rejected(refusal(403, `The scope ${scope} is required.`))
        }
        const responded = Effect.suspend(() => endpoint(incoming, id)).pipe(
          Effect.catch((error) => Effect.succeed(rejected(error)))
        )
        return runExit(responded, { signal: request.signal }).then((exit) => {
          if (Exit.isSuccess(exit)) return exit.value
          if (Cause.hasInterruptsOnly(exit.cause)) return new Response(null, { status: clientClosed })
          throw Cause.squash(exit.cause)
        })
      }

      yield* Effect.addFinalizer(() => endAll)
      yield* routes.add({
        paths: ["/chat", "/chat/*"],
        fetch: (request, connection) => {
          const url = new URL(request.url)
          const authenticate = url.pathname.endsWith("/stream") ? authenticateStream : authenticateRequest
          return withGrant(authenticate(authenticator, request, connection, "/chat"), (grant) =>
            serve({ request, connection, grant, url })
          )
        },
        drain: Effect.andThen(conversations.drain, endAll)
      })
    })
  )

/** A conversation in lists and pages. */
const aboutOf = (found: {
  readonly id: string
  readonly title: string
  readonly created: string
  readonly updated: string
  readonly lastSeq: number
  readonly running: { readonly requestId: string } | undefined
}) => ({
  conversation_id: found.id,
  title: found.title,
  created: found.created,
  updated: found.updated,
  last_seq: found.lastSeq,
  running: found.running === undefined ? null : { request_id: found.running.requestId }
})
