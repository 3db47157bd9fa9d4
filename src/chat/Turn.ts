/** A running turn: its settings, and its writes to the conversation's log. */
import type { Effect } from "effect"
import type { ChatEvent, ChatEventBody, ChatEventOf, TurnOptions } from "../../layers/chat/ChatEvent.ts"
import type { ChatStoreError } from "../../layers/chat/ChatStore.ts"
import type { ChatSettings } from "../../layers/chat/section.ts"
import type { Principal } from "../domain/Principal.ts"
import type { TurnSpending } from "./TurnSpending.ts"

export interface Turn {
  readonly conversation: string
  readonly requestId: string
  readonly principal: Principal
  readonly options: TurnOptions
  /** Whether the client can approve calls and fill in forms. */
  readonly canAnswer: boolean
  /** The client program, if known. */
  readonly program: { readonly name: string; readonly version: string } | undefined
  readonly settings: ChatSettings["service"]
  readonly spending: TurnSpending
  readonly append: (
    events: ReadonlyArray<ChatEventBody>
  ) => Effect.Effect<ReadonlyArray<ChatEvent>, ChatStoreError>
  /** Asks the user and waits for the answer; an expired request has the action `expired`. */
  readonly ask: (
    request: Omit<
      ChatEventOf<"input_requested">,
      "conversation" | "expires_at" | "id" | "request_id" | "seq" | "timestamp" | "type"
    >
  ) => Effect.Effect<ChatEventOf<"input_answered">, ChatStoreError>
}
