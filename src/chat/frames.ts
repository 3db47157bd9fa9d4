/** Frames of `/ws/chat` and events of `POST /chat`, made from the events of a conversation. */
import type { ChatEvent, ChatEventOf, ChatFailure } from "../../layers/chat/ChatEvent.ts"
import { ChatRefusal } from "./ChatRefusal.ts"

export type Frame = Readonly<Record<string, unknown>>

export const metadataOf = (event: ChatEventOf<"turn_completed">): Frame => ({
  tokens: event.usage.total_tokens,
  conversation_id: event.conversation,
  provider: event.provider,
  model: event.model,
  stop_reason: event.stop_reason,
  usage: event.usage,
  cost_usd: event.cost_usd,
  uncertain: event.uncertain
})

export const errorFrame = (
  requestId: string | null,
  { code, data, message }: ChatFailure | ChatRefusal
): Frame => ({
  request_id: requestId,
  status: "error",
  error: { code, message, ...(data !== undefined && { data }) }
})

const chunk = (requestId: string, type: "reasoning" | "text", data: string): Frame => ({
  request_id: requestId,
  status: "chunk",
  chunk: { type, data }
})

/** The frames of one turn for a client without `v: 1`. Without streaming the text is one chunk. */
export class DocumentedFrames {
  #isStreamed = true
  #text = ""

  of(event: ChatEvent): ReadonlyArray<Frame> {
    switch (event.type) {
      case "user_message":
        this.#isStreamed = event.options.streaming !== false
        return [{ request_id: event.request_id, status: "processing" }]
      case "text_delta":
        if (this.#isStreamed) return [chunk(event.request_id, "text", event.text)]
        this.#text += event.text
        return []
      case "turn_completed": {
        const text = this.#text === "" ? [] : [chunk(event.request_id, "text", this.#text)]
        return [...text, { request_id: event.request_id, status: "complete", metadata: metadataOf(event) }]
      }
      case "turn_failed":
        return [errorFrame(event.request_id, event.error)]
      default:
        return []
    }
  }
}

const bodyOf = (event: ChatEvent): Frame => {
  switch (event.type) {
    case "conversation_started":
      return { status: "conversation" }
    case "user_message":
      return { status: "processing", content: event.content, options: event.options }
    case "text_delta":
      return { status: "chunk", chunk: { type: "text", data: event.text } }
    case "reasoning_delta":
      return { status: "chunk", chunk: { type: "reasoning", data: event.text } }
    case "assistant_message": {
      const { cost_usd, hop, model, parts, provider, stop_reason, uncertain, usage } = event
      return {
        status: "message",
        message: {
          hop,
          parts: parts.map((part) =>
            part.type === "tool_call"
              ? { type: part.type, id: part.tool_call_id, name: part.name, arguments: part.arguments }
              : { type: part.type, text: part.text }
          ),
          provider,
          model,
          stop_reason,
          usage,
          cost_usd,
          uncertain
        }
      }
    }
    case "tool_started":
      return {
        status: "tool_call",
        tool_call: { id: event.tool_call_id, name: event.name, arguments: event.arguments }
      }
    case "tool_progress": {
      const { message, progress, tool_call_id, total } = event
      return {
        status: "progress",
        progress: {
          tool_call_id,
          progress,
          ...(total !== undefined && { total }),
          ...(message !== undefined && { message })
        }
      }
    }
    case "tool_result": {
      const { content, is_error, name, structured, tool_call_id, whole } = event
      return {
        status: "tool_result",
        tool_result: {
          tool_call_id,
          name,
          content,
          ...(structured !== undefined && { structured }),
          is_error,
          ...(whole !== undefined && { whole })
        }
      }
    }
    case "input_requested": {
      const { expires_at, id, message, reason, response_schema, tool_call_id, url } = event
      return {
        status: "input_required",
        input: {
          id,
          reason,
          message,
          ...(tool_call_id !== undefined && { tool_call_id }),
          ...(response_schema !== undefined && { response_schema }),
          ...(url !== undefined && { url }),
          expires_at
        }
      }
    }
    case "input_answered":
      return { status: "input_answered", input: { id: event.id, action: event.action } }
    case "stop_requested":
      return { status: "stopping" }
    case "window_cut":
      return { status: "window_cut", dropped_messages: event.dropped }
    case "tools_omitted":
      return { status: "tools_omitted", omitted_tools: event.omitted, sent_tools: event.sent }
    case "turn_completed":
      return { status: "complete", metadata: metadataOf(event) }
    case "turn_failed":
      return { status: "error", error: event.error }
    case "history_damaged":
      return { status: "history_damaged", lines: event.lines, quarantine: event.quarantine }
  }
}

/** The frame of an event for a client with `v: 1`: one for each event, so that `seq` has no gaps. */
export const frameOf = (event: ChatEvent): Frame => ({
  v: 1,
  conversation_id: event.conversation,
  seq: event.seq,
  timestamp: event.timestamp,
  ...("request_id" in event && { request_id: event.request_id }),
  ...bodyOf(event)
})
