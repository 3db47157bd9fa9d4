/** One connection of `/ws/chat`: answers its requests, and sends the frames of its conversations. */
import { type Context, Effect, Fiber, Stream } from "effect"
import type { ChatEvent } from "../../layers/chat/ChatEvent.ts"
import type { Principal } from "../domain/Principal.ts"
import { isEnd } from "../../layers/chat/ConversationState.ts"
import { isObject } from "../domain/JsonObject.ts"
import { Waiters } from "../../layers/platform/Waiters.ts"
import type { GuardedSocket } from "../../layers/transports/GuardedSocket.ts"
import type { JsonBounds } from "../../layers/transports/jsonBounds.ts"
import { MessageRejection, toValue } from "../../layers/transports/jsonRpc.ts"
import { SerialQueue } from "../../layers/transports/SerialQueue.ts"
import { ChatRefusal, refusal } from "./ChatRefusal.ts"
import type { Conversations } from "./Conversations.ts"
import { DocumentedFrames, errorFrame, frameOf, type Frame } from "./frames.ts"
import { openInputs } from "./openInputs.ts"
import { decodeRequest, messageOf, type ChatRequest, type Requests } from "./requests.ts"

/** Unread bytes beyond which nothing is read from a conversation until the client has caught up. */
const highWater = 256 * 1024
/** Requests that wait to be handled. */
const maxPending = 64
/** Conversations that one connection follows. */
const maxFollowed = 16
/** Events of a page of the history, by default. */
const pageLength = 100

export interface ChatSocketOptions {
  readonly conversations: Conversations["Service"]
  readonly bounds: JsonBounds | undefined
  /** Longest page of the history, in bytes, unless one event is longer. */
  readonly maxPageBytes: number
  /** Milliseconds that unread bytes may wait. */
  readonly unreadTimeout: number
  /** Of the program. */
  readonly context: Context.Context<never>
  readonly fork: (effect: Effect.Effect<void>) => Fiber.Fiber<void>
  readonly report: (cause: unknown) => void
  readonly principal: () => Principal
  /** Completes when the credential of the socket is revoked. */
  readonly revoked: Effect.Effect<void>
}

/** Index of the first of the latest frames that are together not longer than `max` bytes; at least one. */
const firstThatFits = (frames: ReadonlyArray<Frame>, max: number): number => {
  let first = frames.length
  for (let bytes = 0; first > 0; first--) {
    bytes += Buffer.byteLength(JSON.stringify(frames[first - 1]))
    if (bytes > max && first < frames.length) break
  }
  return first
}

const idOf = (value: unknown): string | null =>
  isObject(value) && typeof value.request_id === "string" ? value.request_id.slice(0, 200) : null

export class ChatSocket {
  readonly #options: ChatSocketOptions
  readonly #socket: GuardedSocket
  readonly #queue: SerialQueue
  #pending = 0
  /** What sends the frames of a conversation, or of a turn. */
  readonly #followed = new Map<string, Fiber.Fiber<void>>()
  /** Wait until the client has read. */
  readonly #blocked = new Waiters()
  /** The conversation of requests that name none: the latest one of this connection. */
  #conversation: string | undefined
  #ended = false

  constructor(socket: GuardedSocket, options: ChatSocketOptions) {
    this.#socket = socket
    this.#options = options
    this.#queue = new SerialQueue(options.context)
  }

  receive(received: string | Uint8Array) {
    const frame = this.#socket.accept(received)
    if (frame === undefined) return
    if (this.#pending >= maxPending) {
      this.#send(errorFrame(null, refusal(429, `Too many requests wait: at most ${maxPending}.`)))
      return
    }
    const value = toValue(frame, this.#options.bounds)
    if (value instanceof MessageRejection) {
      this.#send(errorFrame(null, refusal(value.status, value.message)))
      return
    }
    this.#pending++
    const done = () => void this.#pending--
    const handled = decodeRequest(value).pipe(
      Effect.flatMap((request) => (this.#ended ? Effect.void : this.#handle(request))),
      Effect.catch((error) => Effect.sync(() => this.#send(errorFrame(idOf(value), error))))
    )
    this.#queue.run(handled, done, (cause) => {
      done()
      this.#options.report(cause)
      this.#send(errorFrame(idOf(value), refusal(500, "Internal error. The log has the details.")))
    })
  }

  drained() {
    this.#socket.drained()
    if (this.#socket.waiting > highWater / 2) return
    this.#blocked.wake()
  }

  closed() {
    this.#socket.closed()
    this.end()
  }

  /** Turns run on. */
  end() {
    this.#ended = true
    for (const fiber of this.#followed.values()) void Effect.runFork(Fiber.interrupt(fiber))
    this.#followed.clear()
  }

  #send(frame: Frame) {
    this.#socket.send(JSON.stringify(frame))
  }

  #handle(request: ChatRequest): Effect.Effect<void, ChatRefusal> {
    switch (request.action) {
      case "chat":
        return this.#chat(request)
      case "resume":
        return this.#resume(request)
      case "stop":
        return this.#respond(request, (principal, conversation) =>
          this.#options.conversations.stop(principal, conversation)
        )
      case "answer": {
        const { action, content, id } = request.payload
        return this.#respond(request, (principal, conversation) =>
          this.#options.conversations.answer(principal, conversation, {
            id,
            action,
            content: content ?? undefined
          })
        )
      }
      case "history":
        return this.#history(request)
      case "ping":
        return Effect.sync(() => this.#send({ ...this.#head(request), status: "pong" }))
    }
  }

  #head({ request_id, v }: ChatRequest): Frame {
    return { ...(v === 1 && { v }), request_id: request_id ?? null }
  }

  readonly #chat = Effect.fnUntraced(function* (this: ChatSocket, request: Requests["chat"]) {
    const { conversations, principal, revoked } = this.#options
    const { content, options } = yield* messageOf(request.payload, "payload.text")
    const isNamed = request.conversation_id !== undefined && request.conversation_id !== null
    const { after, conversation, repeated } = yield* conversations.submit({
      principal: principal(),
      revoked,
      conversation: request.conversation_id ?? this.#conversation,
      implied: !isNamed,
      create: isNamed,
      requestId: request.request_id,
      content,
      options,
      canAnswer: request.v === 1
    })
    this.#conversation = conversation
    if (request.v === 1) {
      // The client gets the frames of the turn again.
      if (repeated) yield* this.#unfollow(conversation)
      yield* this.#follow(conversation, after)
    } else yield* this.#followTurn(conversation, after, request.request_id)
  })

  readonly #resume = Effect.fnUntraced(function* (
    this: ChatSocket,
    { after, conversation_id }: Requests["resume"]
  ) {
    const { conversations, principal } = this.#options
    const { lastSeq } = yield* conversations.find(principal(), conversation_id)
    if (after > lastSeq) {
      return yield* refusal(400, `after must be at most ${lastSeq}, the last seq of the conversation.`)
    }
    this.#conversation = conversation_id
    // Requests for input are sent again until they are answered.
    for (const event of yield* openInputs(conversations, principal(), conversation_id)) {
      if (event.seq <= after) this.#send(frameOf(event))
    }
    yield* this.#unfollow(conversation_id)
    yield* this.#follow(conversation_id, after)
    this.#options.fork(conversations.prepareTurn(principal(), conversation_id))
  })

  readonly #respond = Effect.fnUntraced(function* (
    this: ChatSocket,
    request: Requests["answer" | "stop"],
    respond: (principal: Principal, conversation: string) => Effect.Effect<boolean, ChatRefusal>
  ) {
    const conversation = yield* this.#conversationOf(request)
    if (yield* respond(this.#options.principal(), conversation)) return
    const { action } = request
    const what = action === "stop" ? "No turn runs" : "The request for input is not open any more"
    return yield* refusal(409, `${what}.`)
  })

  readonly #history = Effect.fnUntraced(function* (this: ChatSocket, request: Requests["history"]) {
    const conversation = yield* this.#conversationOf(request)
    const { before, limit } = request.payload ?? {}
    const events = yield* this.#options.conversations.read(this.#options.principal(), conversation, {
      before: before ?? Number.MAX_SAFE_INTEGER,
      limit: limit ?? pageLength
    })
    const frames = events.map(frameOf)
    this.#send({
      ...this.#head(request),
      status: "history",
      conversation_id: conversation,
      events: frames.slice(firstThatFits(frames, this.#options.maxPageBytes))
    })
  })

  #conversationOf({ conversation_id }: ChatRequest): Effect.Effect<string, ChatRefusal> {
    const conversation = conversation_id ?? this.#conversation
    return conversation === undefined
      ? Effect.fail(refusal(400, "Name a conversation_id: this connection has no conversation yet."))
      : Effect.succeed(conversation)
  }

  /** Everything of the conversation, from `after` on. */
  #follow(conversation: string, after: number): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.#followed.has(conversation)) return
      const events = this.#options.conversations.events(this.#options.principal(), conversation, after)
      this.#pump(conversation, events, (event) => [frameOf(event)], null)
    })
  }

  /** A turn as the documented frames. */
  #followTurn(conversation: string, after: number, requestId: string): Effect.Effect<void> {
    return Effect.sync(() => {
      if (this.#followed.has(requestId)) return
      const frames = new DocumentedFrames()
      const events = this.#options.conversations.events(this.#options.principal(), conversation, after).pipe(
        Stream.filter((event) => "request_id" in event && event.request_id === requestId),
        Stream.takeUntil(({ type }) => isEnd(type))
      )
      this.#pump(requestId, events, (event) => frames.of(event), requestId)
    })
  }

  #unfollow(key: string): Effect.Effect<void> {
    const fiber = this.#followed.get(key)
    this.#followed.delete(key)
    return fiber === undefined ? Effect.void : Effect.asVoid(Fiber.interrupt(fiber))
  }

  #pump(
    key: string,
    events: Stream.Stream<ChatEvent, ChatRefusal>,
    framesOf: (event: ChatEvent) => ReadonlyArray<Frame>,
    requestId: string | null
  ) {
    // A request may end after its connection.
    if (this.#ended) return
    const sent = Stream.runForEachArray(
      events,
      Effect.fnUntraced({ self: this }, function* (batch: ReadonlyArray<ChatEvent>) {
        for (const event of batch) {
          for (const frame of framesOf(event)) this.#send(frame)
          if (this.#socket.waiting > highWater) yield* this.#caughtUp()
        }
      })
    ).pipe(
      Effect.catch((error) => Effect.sync(() => this.#send(errorFrame(requestId, error)))),
      Effect.ensuring(
        Effect.sync(() => {
          if (this.#followed.get(key) === fiber) this.#followed.delete(key)
        })
      )
    )
    const [oldest] = this.#followed.keys()
    if (this.#followed.size >= maxFollowed && oldest !== undefined) {
      void Effect.runFork(this.#unfollow(oldest))
    }
    // It begins only when it can be found.
    const fiber = this.#options.fork(Effect.andThen(Effect.yieldNow, sent))
    this.#followed.set(key, fiber)
  }

  /** Waits until the client has read; one that does not is disconnected. */
  #caughtUp(): Effect.Effect<void> {
    return Effect.timeoutOrElse(this.#blocked.wait(), {
      duration: this.#options.unreadTimeout,
      orElse: () => Effect.sync(() => this.#socket.leave(1013, "the client reads too slowly"))
    })
  }
}
