/** Requests for approval of a turn that need no answer any more. */
import { Effect } from "effect"
import { isEnd } from "../../layers/chat/ConversationState.ts"
import type { Principal } from "../domain/Principal.ts"
import type { Conversations } from "./Conversations.ts"

/** `after`: `seq` before the turn. Ids of the requests, and whether they were approved. */
export const answeredApprovals = Effect.fnUntraced(function* (
  conversations: Conversations["Service"],
  principal: Principal,
  conversation: string,
  after: number
) {
  const events = yield* conversations.read(principal, conversation, { after, limit: Number.MAX_SAFE_INTEGER })
  const open = new Set<string>()
  const answered = new Map<string, boolean>()
  for (const event of events) {
    if (event.type === "input_requested") open.add(event.id)
    else if (event.type === "input_answered") {
      open.delete(event.id)
      answered.set(event.id, event.action === "accept")
    } else if (isEnd(event.type)) {
      for (const id of open) answered.set(id, false)
      break
    }
  }
  return answered
})
