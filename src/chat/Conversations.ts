/** Conversations with language models: submits messages, runs their turns, and lets every surface watch, answer and stop them. */
import { Context, Effect, Layer, Stream } from "effect"
import type { ChatEvent, ChatEventOf } from "../../layers/chat/ChatEvent.ts"
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
import { Output } from "../../layers/output/Output.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Ids } from "../../layers/platform/Ids.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { Usage } from "../../layers/usage/Usage.ts"
import { Catalog } from "../catalog/Catalog.ts"
import type { Principal } from "../domain/Principal.ts"
import { ChatRefusal, invalid, refusal, toChatFailure } from "./ChatRefusal.ts"
import { formIssues } from "./formIssues.ts"
import { makeLocalTurns } from "./localTurns.ts"
import { checkMessage, checkProvider, digestOf, requireCall, type NewMessage } from "./NewMessage.ts"
import { modelOf, windowOf } from "./runTurn.ts"
import { ImageRefusals } from "./toolImages.ts"
import { maxToolsOf, toolsOf } from "./toolList.ts"
import { observeTurns } from "./TurnSpending.ts"
import { makeWindow, TokenCounts } from "./window.ts"

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

/** Too long for the id of a conversation. */
const noConversation = "-".repeat(200)

const unknown = (id: string) => refusal(404, `There is no conversation ${id.slice(0, 100)}.`)

export class Conversations extends Context.Service<
  Conversations,
  {
    /** Loads what the first turn needs, which takes a few tenths of a second, for the first principal. Never fails. */
    readonly prepare: (principal: Principal) => Effect.Effect<void>
    /** Counts the tokens of a long conversation before its next turn needs them. Never fails. */
    readonly prepareTurn: (principal: Principal, conversation: string) => Effect.Effect<void>
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
      const { ledger } = yield* Usage
      const tokens = yield* Tokens
      const models = yield* Models
      const services = {
        store,
        models,
        catalog: yield* Catalog,
        guard: yield* Guard,
        progress: yield* ProgressEvents,
        output: yield* Effect.serviceOption(Output),
        newId: next,
        spendingOf: yield* observeTurns,
        imageRefusals: new ImageRefusals(),
        window: makeWindow(tokens, new TokenCounts(), environment.get("DEBUG_TOKENS") === "1")
      }
      const turns = yield* makeLocalTurns(services, settings)
      let isPrepared = false
      const prepare = (principal: Principal) =>
        Effect.suspend(() => {
          if (isPrepared || models.providers.length === 0) return Effect.void
          isPrepared = true
          // Its worker reads the tokens of the encoding while this thread loads the rest.
          const tokenizer = tokens.count(modelOf(models, { options: {} }).model, " ")
          const stored = Effect.ignore(store.find(noConversation))
          // Derives the JSON Schemas of the tools.
          const tools = Effect.ignore(
            toolsOf(services.catalog, principal, settings.service.tools, maxToolsOf(models, {}))
          )
          return Effect.all([tokenizer, stored, ledger, models.prepare, tools], {
            concurrency: "unbounded",
            discard: true
          })
        })

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

      /** The turn of a request id that was used before. */
      const repeat = (message: NewMessage, digest: string, known: ChatEventOf<"user_message">) => {
        const { conversation, implied, requestId } = message
        const isElsewhere = conversation !== undefined && !implied && conversation !== known.conversation
        return known.digest !== digest || isElsewhere
          ? refusal(409, `request_id ${requestId} was used with another payload. Use a new one.`)
          : Effect.succeed({ conversation: known.conversation, after: known.seq - 1, repeated: true })
      }

      return Conversations.of({
        prepare,
        prepareTurn: (principal, conversation) =>
          Effect.ignore(
            Effect.andThen(
              owned(principal, conversation),
              windowOf(services, { conversation, options: {}, requestId: "", settings: settings.service })
            )
          ),
        submit: Effect.fnUntraced(function* (message) {
          if (turns.isDraining())
            return yield* refusal(503, "The service is stopping. Try again in a moment.")
          yield* checkMessage(message)
          const { content, conversation, create, options, principal, replaces, requestId } = message
          const digest = digestOf(message)
          const own = turns.find(message)
          if (own !== undefined) return yield* repeat(message, digest, own)
          yield* checkProvider(message, services.models)
          // Before anything is stored, so that the request id can be used again.
          if (!turns.take(principal)) {
            return yield* refusal(429, "Too many turns run. Wait for the end of one, or stop it.")
          }
          const release = turns.release(principal)
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
          yield* turns.run(message, stored)
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
        drain: turns.drain
      })
    })
  )

  static readonly layer = Conversations.layerNoDeps.pipe(
    Layer.provide(Tokens.layer),
    Layer.provide(configuredStore.layer)
  )
}
