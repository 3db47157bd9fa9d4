/** Requests for input of the running turn that are unanswered. */
import { Effect } from "effect"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Conversations } from "./Conversations.ts"

export const openInputs = Effect.fnUntraced(function* (
  conversations: Conversations["Service"],
  principal: Principal,
  conversation: string
) {
  const { running } = yield* conversations.find(principal, conversation)
  if (running === undefined) return []
  const events = yield* conversations.read(principal, conversation, {
    after: running.seq,
    limit: Number.MAX_SAFE_INTEGER
  })
  const open = new Map<string, ChatEventOf<"input_requested">>()
  for (const event of events) {
    if (event.type === "input_requested") open.set(event.id, event)
    else if (event.type === "input_answered") open.delete(event.id)
  }
  return [...open.values()]
})
