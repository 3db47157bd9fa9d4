/** The turn that runs in a conversation: its tool calls without a result, and its open requests for approval. */
import { Effect } from "effect"
import type { Principal } from "../domain/Principal.ts"
import type { Conversations } from "./Conversations.ts"

export const runningTurn = Effect.fnUntraced(function* (
  conversations: Conversations["Service"],
  principal: Principal,
  conversation: string
) {
  const { running } = yield* conversations.find(principal, conversation)
  if (running === undefined) return undefined
  const events = yield* conversations.read(principal, conversation, {
    after: running.seq,
    limit: Number.MAX_SAFE_INTEGER
  })
  const calls = new Set<string>()
  /** Id of the request → tool call. */
  const approvals = new Map<string, string>()
  for (const event of events) {
    if (event.type === "assistant_message") {
      for (const part of event.parts) if (part.type === "tool_call") calls.add(part.tool_call_id)
    } else if (event.type === "tool_result") calls.delete(event.tool_call_id)
    else if (event.type === "input_requested" && event.reason === "approval") {
      approvals.set(event.id, event.tool_call_id ?? "")
    } else if (event.type === "input_answered") approvals.delete(event.id)
  }
  return {
    requestId: running.requestId,
    lastSeq: events.at(-1)?.seq ?? running.seq,
    calls: [...calls],
    approvals
  }
})
