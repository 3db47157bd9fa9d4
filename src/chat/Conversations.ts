/** Conversations with language models: submits messages, runs their turns, and lets every surface watch, answer and stop them. */
import { Clock, Context, Deferred, Effect, Layer, Stream } from "effect"
import type { ChatEvent, ChatEventOf, TurnOptions } from "../../layers/chat/ChatEvent.ts"
import {
  ChatStore,
  type Conversation,
  type ListOptions,
  type ReadOptions
} from "../../layers/chat/ChatStore.ts"
import * as configuredStore from "../../layers/chat/configuredStore.ts"
import { chatSettings } from "../../layers/chat/section.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import { Tokens } from "../../layers/ledger/Tokens.ts"
import { Models } from "../../layers/models/Models.ts"
import * as Hex from "effect/encoding/Hex"
import { Output } from "../../layers/output/Output.ts"
import { sha256 } from "../../layers/platform/digest.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { Waiters } from "../../layers/platform/Waiters.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { Quota } from "../../layers/quotas/Quota.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Block } from "../domain/Content.ts"
import type { Principal } from "../domain/Principal.ts"
import { ChatRefusal, invalid, refusal, toChatFailure } from "./ChatRefusal.ts"
import { formIssues } from "./formIssues.ts"
import { superviseTurn } from "./superviseTurn.ts"
import { ImageRefusals } from "./toolImages.ts"
import { TurnActivity } from "./TurnActivity.ts"
import { makeWindow, TokenCounts } from "./window.ts"

export interface NewMessage {
  readonly principal: Principal
  /** Absent: a new conversation. */
  readonly conversation?: string | undefined
  /** Whether the message itself names no conversation, and goes to the latest one of its connection. */
  readonly implied?: boolean | undefined
  /** Whether a conversation that does not exist begins with this id. */
  readonly create?: boolean | undefined
  /** `request_id` of the turn whose answer the model gives again. */
  readonly replaces?: string | undefined
  /** Unique per principal; a repeated one is not run again. */
  readonly requestId: string
  readonly content: ReadonlyArray<Block>
  readonly options: TurnOptions
  /** Whether the client can approve calls and fill in forms. */
  readonly canAnswer: boolean
  readonly program?: { readonly name: string; readonly version: string } | undefined
  /** Completes when the credential of the message is revoked, which stops the turn. Absent: never. */
  readonly revoked?: Effect.Effect<void> | undefined
}

export interface Submitted {
  readonly conversation: string
  /** `seq` before the first event of the turn. */
  readonly after: number
  /** Whether the request id was known, so that nothing was started. */
  readonly repeated: boolean
}

export interface Answer {
  readonly id: string
  readonly action: "accept" | "cancel" | "decline"
  readonly content?: Readonly<Record<string, unknown>> | undefined
}

interface LiveTurn {
  readonly message: ChatEventOf<"user_message">
  readonly activity: TurnActivity
  /** Ends it as interrupted. */
  readonly quit: Deferred.Deferred<void>
}

const maxRequestId = 200
/** A service that stops does not wait for turns without an event for so many ms, unless they run tools. */
const quietTime = 1000
const quietCheck = "100 millis"
/** Clients may choose the id. */
const conversationId = /^[A-Za-z0-9._:-]{1,128}$/

const unknown = (id: string) => refusal(404, `There is no conversation ${id.slice(0, 100)}.`)

/** Equal for equal payloads. Without the conversation: a client that repeats a message may have learned its id since. */
const digestOf = ({ content, options, replaces }: NewMessage): string =>
  Hex.encode(sha256(JSON.stringify([content, options, replaces])))

const requireCall = (principal: Principal) =>
  principal.may(["call"]) ? Effect.void : Effect.fail(refusal(403, "The scope call is required."))

export class Conversations extends Context.Service<
  Conversations,
  {
    /** Stores the message and starts its turn, which runs on if the caller leaves. A known request id starts nothing. */
    readonly submit: (message: NewMessage) => Effect.Effect<Submitted, ChatRefusal>
    /** Events after `after`, and each new one as it is stored. */
    readonly events: (
      principal: Principal,
      conversation: string,
      after: number
    ) => Stream.Stream<ChatEvent, ChatRefusal>
    /** Ends the running turn. False: none runs. */
    readonly stop: (principal: Principal, conversation: string) => Effect.Effect<boolean, ChatRefusal>
    /** False: the request for input was answered already, or has expired. */
    readonly answer: (
      principal: Principal,
      conversation: string,
      answer: Answer
    ) => Effect.Effect<boolean, ChatRefusal>
    readonly find: (principal: Principal, conversation: string) => Effect.Effect<Conversation, ChatRefusal>
    readonly list: (
      principal: Principal,
      options: ListOptions
    ) => Effect.Effect<
      { readonly conversations: ReadonlyArray<Conversation>; readonly next?: string },
      ChatRefusal
    >
    /** Events without the deltas of complete messages. */
    readonly read: (
      principal: Principal,
      conversation: string,
      options: ReadOptions
    ) => Effect.Effect<ReadonlyArray<ChatEvent>, ChatRefusal>
    readonly remove: (principal: Principal, conversation: string) => Effect.Effect<void, ChatRefusal>
    /** Refuses new messages, and waits for the turns that make progress; others end as interrupted. */
    readonly drain: Effect.Effect<void>
  }
>()("manifold/chat/Conversations") {
  static readonly layerNoDeps = Layer.effect(
    Conversations,
    Effect.gen(function* () {
      const settings = yield* chatSettings
      const store = yield* ChatStore
      const environment = yield* Environment
      const { next } = yield* Ids
      const services = {
        store,
        models: yield* Models,
        catalog: yield* Catalog,
        guard: yield* Guard,
        progress: yield* ProgressEvents,
        output: yield* Effect.serviceOption(Output),
        newId: next,
        imageRefusals: new ImageRefusals(),
        window: makeWindow(yield* Tokens, new TokenCounts(), environment.get("DEBUG_TOKENS") === "1")
      }
      const scope = yield* Effect.scope
      const turns = new Quota(settings.max_turns)
      const clock = yield* Clock.Clock
      /** Turns that run here, by principal and request id. */
      const live = new Map<string, LiveTurn>()
      const idle = new Waiters()
      /** Turns whose end is not stored yet. */
      let unended = 0
      let isDraining = false

      const refused = <A, E extends Parameters<typeof toChatFailure>[0], R>(self: Effect.Effect<A, E, R>) =>
        Effect.mapError(self, (error) => new ChatRefusal(toChatFailure(error)))

      const owned = (principal: Principal, conversation: string) =>
        Effect.filterOrFail(
          refused(store.find(conversation)),
          (found): found is Conversation => found?.principal === principal.key,
          () => unknown(conversation)
        )

      /** For a caller who changes it. */
      const mine = (principal: Principal, conversation: string) =>
        Effect.tap(owned(principal, conversation), () => requireCall(principal))

      const claimOf = ({ principal, requestId }: NewMessage) => JSON.stringify([principal.key, requestId])

      /** The turn of a request id that was used before. */
      const repeat = (message: NewMessage, digest: string, known: ChatEventOf<"user_message">) => {
        const { conversation, implied, requestId } = message
        const isElsewhere = conversation !== undefined && !implied && conversation !== known.conversation
        return known.digest !== digest || isElsewhere
          ? refusal(409, `request_id ${requestId} was used with another payload. Use a new one.`)
          : Effect.succeed({ conversation: known.conversation, after: known.seq - 1, repeated: true })
      }

      const ended = () => {
        unended--
        if (unended === 0) idle.wake()
      }

      const run = Effect.fnUntraced(function* (message: NewMessage, begun: ChatEventOf<"user_message">) {
        const { canAnswer, options, principal, program, requestId } = message
        const turn = {
          conversation: begun.conversation,
          requestId,
          principal,
          options,
          canAnswer,
          program,
          settings: settings.service
        }
        const activity = new TurnActivity(clock)
        const quit = yield* Deferred.make<void>()
        live.set(claimOf(message), { message: begun, activity, quit })
        const ending = Effect.sync(() => turns.release(principal.key, 1))
        yield* superviseTurn(services, turn, begun.seq, ending, activity, message.revoked).pipe(
          Effect.raceFirst(Deferred.await(quit)),
          Effect.ensuring(
            Effect.sync(() => {
              live.delete(claimOf(message))
              ended()
            })
          ),
          // It asks the model before anything else runs.
          Effect.forkIn(scope, { startImmediately: true })
        )
      })

      return Conversations.of({
        submit: Effect.fnUntraced(function* (message) {
          if (isDraining) return yield* refusal(503, "The service is stopping. Try again in a moment.")
          const { content, conversation, create, options, principal, replaces, requestId } = message
          if (conversation !== undefined && !conversationId.test(conversation)) {
            return yield* refusal(400, "A conversation id has 1 to 128 letters, digits and - _ . : only.")
          }
          if (requestId === "" || requestId.length > maxRequestId) {
            return yield* refusal(400, `request_id must have 1 to ${maxRequestId} characters.`)
          }
          yield* requireCall(principal)
          const digest = digestOf(message)
          const own = live.get(claimOf(message))
          if (own !== undefined) return yield* repeat(message, digest, own.message)
          const { providers } = services.models
          if (options.provider !== undefined && !providers.some(({ name }) => name === options.provider)) {
            const names = providers.map(({ name }) => name).join(", ")
            return yield* invalid([
              {
                field: "provider",
                message: `There is no provider ${options.provider.slice(0, 100)}. Choose one of ${names}.`,
                type: "value_error"
              }
            ])
          }
          // Before anything is stored, so that the request id can be used again.
          if (!turns.take(principal.key, 1)) {
            return yield* refusal(429, "Too many turns run. Wait for the end of one, or stop it.")
          }
          unended++
          const release = Effect.sync(() => {
            turns.release(principal.key, 1)
            ended()
          })
          const begun = yield* refused(
            store.begin({
              principal: principal.key,
              conversation,
              create,
              message: {
                type: "user_message",
                request_id: requestId,
                digest,
                content,
                options,
                ...(replaces !== undefined && { replaces })
              }
            })
          ).pipe(Effect.onError(() => release))
          if (begun._tag === "known") {
            yield* release
            return yield* repeat(message, digest, begun.message)
          }
          const stored = begun.events.find((event) => event.type === "user_message")
          if (stored === undefined) {
            yield* release
            return yield* refusal(500, "The message was not stored.")
          }
          // The model is asked while the message is flushed to the disk.
          yield* run(message, stored)
          yield* refused(begun.durable)
          return { conversation: stored.conversation, after: stored.seq - 1, repeated: false }
        }, Effect.uninterruptible),
        events: (principal, conversation, after) =>
          Stream.unwrap(
            Effect.as(
              owned(principal, conversation),
              Stream.mapError(
                store.watch(conversation, after),
                (error) => new ChatRefusal(toChatFailure(error))
              )
            )
          ),
        stop: (principal, conversation) =>
          Effect.flatMap(mine(principal, conversation), ({ running }) =>
            running === undefined
              ? Effect.succeed(false)
              : refused(
                  store.respond(conversation, { type: "stop_requested", request_id: running.requestId })
                )
          ),
        answer: Effect.fnUntraced(function* (principal, conversation, { action, content, id }) {
          const { running } = yield* mine(principal, conversation)
          if (running === undefined) return false
          const filled = action === "accept" ? content : undefined
          if (action === "accept") {
            const events = yield* refused(
              store.read(conversation, { after: running.seq, limit: Number.MAX_SAFE_INTEGER })
            )
            const form = events.find((event) => event.type === "input_requested" && event.id === id)
            if (form?.type === "input_requested" && form.response_schema !== undefined) {
              const issues = formIssues(form.response_schema, filled ?? {})
              if (issues.length > 0) return yield* invalid(issues)
            }
          }
          return yield* refused(
            store.respond(conversation, {
              type: "input_answered",
              request_id: running.requestId,
              id,
              action,
              ...(filled !== undefined && { content: filled })
            })
          )
        }),
        find: owned,
        list: (principal, options) => refused(store.list(principal.key, options)),
        read: (principal, conversation, options) =>
          Effect.andThen(owned(principal, conversation), refused(store.read(conversation, options))),
        remove: (principal, conversation) =>
          Effect.flatMap(mine(principal, conversation), () =>
            Effect.flatMap(refused(store.remove(conversation)), (removed) =>
              removed ? Effect.void : Effect.fail(unknown(conversation))
            )
          ),
        drain: Effect.suspend(() => {
          isDraining = true
          const quitQuiet = Effect.suspend(() =>
            Effect.forEach(
              [...live.values()].filter(({ activity }) => activity.isQuiet(quietTime)),
              ({ quit }) => Deferred.succeed(quit, undefined),
              { discard: true }
            )
          )
          return Effect.raceFirst(
            idle.wait(() => unended === 0),
            Effect.forever(Effect.andThen(quitQuiet, Effect.sleep(quietCheck)))
          )
        })
      })
    })
  )

  static readonly layer = Conversations.layerNoDeps.pipe(
    Layer.provide(Tokens.layer),
    Layer.provide(configuredStore.layer)
  )
}
