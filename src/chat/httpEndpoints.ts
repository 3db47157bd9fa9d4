/** The endpoints under `/chat`: messages, streams to resume, stops, answers, history and export. */
import { Cause, Effect, Exit, Layer } from "effect"
import type { ChatFailure } from "../../layers/chat/ChatEvent.ts"
import { Authenticator } from "../../layers/identity/Authenticator.ts"
import { json, methodNotAllowed } from "../../layers/http/responses.ts"
import { Routes } from "../../layers/http/Routes.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import {
  authenticateRequest,
  authenticateStream,
  withGrant
} from "../../layers/transports/authenticateRequest.ts"
import type { StreamLimits } from "../../layers/transports/StreamLimits.ts"
import { refusal, type ChatRefusal } from "./ChatRefusal.ts"
import type { ChatEndpoint, ChatRequest } from "./ChatRequest.ts"
import { Conversations } from "./Conversations.ts"
import { makeEventResponses } from "./eventResponse.ts"
import { errorFrame } from "./frames.ts"
import { historyEndpoints } from "./historyEndpoints.ts"
import { turnEndpoints } from "./turnEndpoints.ts"

/** nginx's status "client closed request"; no client sees it. */
const clientClosed = 499

const rejected = (error: ChatFailure | ChatRefusal): Response =>
  json(error.code, errorFrame(null, error), error.code === 503 ? { "retry-after": "1" } : undefined)

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
      const { exported, history, list, remove } = historyEndpoints(conversations)
      const { answer, post, resume, stop } = turnEndpoints({
        authenticator,
        conversations,
        limits,
        newId,
        respond
      })
      const context = yield* Effect.context<never>()
      const runExit = Effect.runPromiseExitWith(context)
      const fork = Effect.runForkWith(context)

      /** By path, with `*` for the conversation, and method. */
      const endpoints: Readonly<Record<string, Readonly<Record<string, ChatEndpoint>>>> = {
        "/chat": { GET: list, POST: post },
        "/chat/*": { GET: history, DELETE: remove },
        "/chat/*/stream": { GET: resume },
        "/chat/*/stop": { POST: stop },
        "/chat/*/answer": { POST: answer },
        "/chat/*/export": { GET: exported }
      }

      const serve = (incoming: ChatRequest): Response | Promise<Response> => {
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
        fork(conversations.prepare(incoming.grant.principal))
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
