/** A message that begins a turn: what it may be, and by what a repeated one is recognized. */
import { Effect } from "effect"
import type { TurnOptions } from "../../layers/chat/ChatEvent.ts"
import type { Models } from "../../layers/models/Models.ts"
import { sha256Hex } from "../../layers/platform/digest.ts"
import type { Block } from "../domain/Content.ts"
import type { Principal } from "../domain/Principal.ts"
import { type ChatRefusal, invalid, refusal } from "./ChatRefusal.ts"

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

const maxRequestId = 200
/** Clients may choose the id. */
const conversationId = /^[A-Za-z0-9._:-]{1,128}$/

/** Equal for messages of one principal with one request id. */
export const claimOf = ({ principal, requestId }: NewMessage): string =>
  JSON.stringify([principal.key, requestId])

/** Equal for equal payloads. Without the conversation: a client that repeats a message may have learned its id since. */
export const digestOf = ({ content, options, replaces }: NewMessage): string =>
  sha256Hex(JSON.stringify([content, options, replaces]))

/** Fails if the principal may not submit it, or an id is malformed. */
export const checkMessage = ({
  conversation,
  principal,
  requestId
}: NewMessage): Effect.Effect<void, ChatRefusal> => {
  if (conversation !== undefined && !conversationId.test(conversation)) {
    return refusal(400, "A conversation id has 1 to 128 letters, digits and - _ . : only.")
  }
  if (requestId === "" || requestId.length > maxRequestId) {
    return refusal(400, `request_id must have 1 to ${maxRequestId} characters.`)
  }
  return requireCall(principal)
}

export const requireCall = (principal: Principal) =>
  principal.may(["call"]) ? Effect.void : Effect.fail(refusal(403, "The scope call is required."))

/** Fails if the message names a provider that is not configured. */
export const checkProvider = (
  { options: { provider } }: NewMessage,
  { providers }: Models["Service"]
): Effect.Effect<void, ChatRefusal> => {
  if (provider === undefined || providers.some(({ name }) => name === provider)) return Effect.void
  const names = providers.map(({ name }) => name).join(", ")
  return invalid([
    {
      field: "provider",
      message: `There is no provider ${provider.slice(0, 100)}. Choose one of ${names}.`,
      type: "value_error"
    }
  ])
}
