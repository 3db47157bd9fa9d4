/** The answer of a turn as one JSON body, for clients that wait for it. */
import { Effect, Stream } from "effect"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { Principal } from "../domain/Principal.ts"
import { ChatRefusal } from "./ChatRefusal.ts"
import type { Conversations, Submitted } from "./Conversations.ts"
import { metadataOf } from "./frames.ts"

/** A caller that leaves does not stop the turn. */
export const wholeAnswer = Effect.fnUntraced(function* (
  conversations: Conversations["Service"],
  principal: Principal,
  { after, conversation }: Submitted,
  requestId: string
) {
  let text = ""
  const calls = new Map<string, object>()
  let failed: ChatEventOf<"turn_failed"> | undefined
  let completed: ChatEventOf<"turn_completed"> | undefined
  yield* Stream.runForEachWhile(conversations.events(principal, conversation, after), (event) =>
    Effect.sync(() => {
      if (!("request_id" in event) || event.request_id !== requestId) return true
      if (event.type === "assistant_message") {
        for (const part of event.parts) if (part.type === "text") text += part.text
      } else if (event.type === "tool_started") {
        calls.set(event.tool_call_id, { name: event.name, arguments: event.arguments })
      } else if (event.type === "tool_result") {
        const { content, is_error, name, tool_call_id: id } = event
        calls.set(id, { name, ...calls.get(id), id, content, is_error })
      } else if (event.type === "turn_failed") failed = event
      else if (event.type === "turn_completed") completed = event
      return failed === undefined && completed === undefined
    })
  )
  if (failed !== undefined) return yield* new ChatRefusal(failed.error)
  return {
    status: "complete",
    conversation_id: conversation,
    request_id: requestId,
    text,
    tool_calls: [...calls.values()],
    ...(completed !== undefined && { metadata: metadataOf(completed) })
  }
})
