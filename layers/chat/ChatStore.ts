/** Conversations and their event logs, the same for all back ends. */
import { Context, Schema, type Effect, type Stream } from "effect"
import type { ChatEvent, ChatEventBody, ChatEventOf, TurnResponse } from "./ChatEvent.ts"

export class ChatStoreError extends Schema.TaggedError<ChatStoreError>()("ChatStoreError", {
  /**
   * - `not_found`: no such conversation.
   * - `running`: another turn of the conversation runs.
   * - `too_many`: a quota of the principal is reached.
   * - `ended`: the turn does not run in this process, or not any more.
   * - `unavailable`: locked, full, read-only or unreachable, for the time being.
   * - `damaged`: what is stored cannot be read.
   */
  reason: Schema.Literals(["not_found", "running", "too_many", "ended", "unavailable", "damaged"]),
  message: Schema.String
}) {}

export interface Conversation {
  readonly id: string
  /** Key of the principal that owns it. */
  readonly principal: string
  /** ISO 8601, UTC. */
  readonly created: string
  readonly updated: string
  /** The beginning of the first message of the user. */
  readonly title: string
  readonly lastSeq: number
  /** The turn that runs, in this process or another. */
  readonly running: { readonly requestId: string; readonly seq: number } | undefined
}

export interface NewTurn {
  readonly principal: string
  /** Absent: a new conversation. */
  readonly conversation?: string | undefined
  /** Whether a conversation that does not exist begins with this id. Default: it is `not_found`. */
  readonly create?: boolean | undefined
  readonly message: Omit<ChatEventOf<"user_message">, "conversation" | "seq" | "timestamp">
}

/** `known`: the principal has used the request id before; nothing was stored. */
export type Begun =
  | {
      readonly _tag: "started"
      readonly events: ReadonlyArray<ChatEvent>
      /** Completes once they are durable as `chat.store` says. The turn may run meanwhile. */
      readonly durable: Effect.Effect<void, ChatStoreError>
    }
  | { readonly _tag: "known"; readonly message: ChatEventOf<"user_message"> }

export interface ReadOptions {
  /** Events with a larger `seq`. Default: 0. */
  readonly after?: number
  /** Events with a smaller `seq`, the latest first to be chosen if there are more than `limit`. */
  readonly before?: number
  /** Maximum number of events. */
  readonly limit: number
}

export interface ListOptions {
  /** Of the page before. */
  readonly cursor?: string | undefined
  readonly limit: number
  /** Text that a message of the conversation contains, without regard to case. */
  readonly search?: string | undefined
}

/**
 * An event that was returned, but those of `begin`, is durable as `chat.store` says, has the next `seq` of its conversation, and is seen by every
 * process. Events of one call are stored whole or not at all.
 */
export class ChatStore extends Context.Service<
  ChatStore,
  {
    /** Stores the user's message, and with it the claim on its request id and on the conversation. */
    readonly begin: (turn: NewTurn) => Effect.Effect<Begun, ChatStoreError>
    /**
     * Appends events of the turn that this process runs. `turn_completed` and `turn_failed` give the claim back. Fails with
     * `ended` if the turn does not run, or runs in another process.
     */
    readonly append: (
      conversation: string,
      events: ReadonlyArray<ChatEventBody>
    ) => Effect.Effect<ReadonlyArray<ChatEvent>, ChatStoreError>
    /**
     * Answers an open request for input, or asks the running turn to stop, from any process. A turn that was asked before is
     * not asked again. False: there is no such request any more, or no such turn.
     */
    readonly respond: (
      conversation: string,
      event: Extract<ChatEventBody, { readonly type: "input_answered" | "stop_requested" }>
    ) => Effect.Effect<boolean, ChatStoreError>
    /** A turn whose process has died is ended (`turn_failed`, interrupted) before the conversation is returned. */
    readonly find: (conversation: string) => Effect.Effect<Conversation | undefined, ChatStoreError>
    /** In order of `seq`; deltas whose message is stored are left out. */
    readonly read: (
      conversation: string,
      options: ReadOptions
    ) => Effect.Effect<ReadonlyArray<ChatEvent>, ChatStoreError>
    /** The events after `after`, and then each new one, of any process. */
    readonly watch: (conversation: string, after: number) => Stream.Stream<ChatEvent, ChatStoreError>
    /** The same of the events of `respond` only: no other event wakes the reader. */
    readonly watchResponses: (
      conversation: string,
      after: number
    ) => Stream.Stream<TurnResponse, ChatStoreError>
    /** Conversations of the principal, the most recently used first. */
    readonly list: (
      principal: string,
      options: ListOptions
    ) => Effect.Effect<
      { readonly conversations: ReadonlyArray<Conversation>; readonly next?: string },
      ChatStoreError
    >
    /** False: there is none. Fails with `running` while a turn runs. */
    readonly remove: (conversation: string) => Effect.Effect<boolean, ChatStoreError>
  }
>()("manifold/chat/ChatStore") {}
