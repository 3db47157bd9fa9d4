/** The AI SDK's UI message stream, version 1, made from the events of one turn. */
import type { ChatEvent, ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import { metadataOf } from "./frames.ts"
import { resultText } from "./units.ts"

export type Chunk = Readonly<Record<string, unknown>> & { readonly type: string }

/** Id of the message that a turn answers with. */
export const messageIdOf = (requestId: string): string => `${requestId}.answer`

const finishReasons: Readonly<Record<string, string>> = {
  stop: "stop",
  length: "length",
  "content-filter": "content-filter",
  max_tool_hops: "tool-calls"
}

/** A turn that goes on in a message that the client has. */
export interface Continued {
  readonly requestId: string
  /** Tool calls without a result. */
  readonly calls: Iterable<string>
  /** Requests for approval without an answer → their tool calls. */
  readonly approvals: ReadonlyMap<string, string>
  /** Tool calls that the user has just declined. */
  readonly declined: Iterable<string>
}

type Delta = ChatEventOf<"reasoning_delta" | "text_delta">

export class UiMessageStream {
  /** The model call whose step is open. */
  #hop: number | undefined
  /** The open part, and how many there were. */
  #part: { readonly kind: "reasoning" | "text"; readonly id: string } | undefined
  #parts = 0
  /** Tool calls without a result. */
  readonly #calls = new Set<string>()
  /** Requests for approval without an answer, with their tool calls. */
  readonly #approvals = new Map<string, string>()
  readonly #declined = new Set<string>()
  /** Requests that have an answer later in the log, and whether it is an approval. */
  readonly #answered: ReadonlyMap<string, boolean>
  #ended = false

  /** `answered`: requests for approval that need none any more, and whether they were approved. */
  constructor(answered: ReadonlyMap<string, boolean> = new Map()) {
    this.#answered = answered
  }

  /** Whether the response ends here: the turn has ended, or goes on only when the user has decided. */
  get ended(): boolean {
    return this.#ended
  }

  continue({ approvals, calls, declined, requestId }: Continued): Chunk {
    for (const call of calls) this.#calls.add(call)
    for (const call of declined) this.#declined.add(call)
    for (const [id, call] of approvals) this.#approvals.set(id, call)
    return { type: "start", messageId: messageIdOf(requestId) }
  }

  of(event: ChatEvent): ReadonlyArray<Chunk> {
    switch (event.type) {
      case "user_message":
        return [{ type: "start", messageId: messageIdOf(event.request_id) }]
      case "text_delta":
      case "reasoning_delta":
        return [...this.#step(event.hop), ...this.#delta(event)]
      case "assistant_message":
        return [...this.#step(event.hop), ...this.#endPart(), ...this.#toolCalls(event)]
      case "tool_progress": {
        const { message, progress, tool_call_id: toolCallId, total } = event
        const output = {
          progress,
          ...(total !== undefined && { total }),
          ...(message !== undefined && { message })
        }
        return [{ type: "tool-output-available", toolCallId, output, dynamic: true, preliminary: true }]
      }
      case "tool_result":
        return this.#result(event)
      case "input_requested":
        return this.#asked(event)
      case "input_answered": {
        const call = this.#approvals.get(event.id)
        this.#approvals.delete(event.id)
        if (call !== undefined && event.action !== "accept") this.#declined.add(call)
        return []
      }
      case "turn_completed":
        return this.#end(
          event.stop_reason === "stopped"
            ? { type: "abort", reason: "stopped" }
            : {
                type: "finish",
                finishReason: finishReasons[event.stop_reason] ?? "other",
                messageMetadata: metadataOf(event)
              }
        )
      case "turn_failed":
        return this.#end({ type: "error", errorText: event.error.message })
      default:
        return []
    }
  }

  /** Ends the step of the model call before, and begins the one of this call. */
  #step(hop: number): ReadonlyArray<Chunk> {
    if (this.#hop === hop) return []
    const before = this.#endStep()
    this.#hop = hop
    return [...before, { type: "start-step" }]
  }

  #endStep(): ReadonlyArray<Chunk> {
    if (this.#hop === undefined) return []
    this.#hop = undefined
    return [...this.#endPart(), { type: "finish-step" }]
  }

  #delta({ text: delta, type }: Delta): ReadonlyArray<Chunk> {
    const kind = type === "text_delta" ? "text" : "reasoning"
    if (this.#part?.kind === kind) return [{ type: `${kind}-delta`, id: this.#part.id, delta }]
    const before = this.#endPart()
    const id = String(this.#parts++)
    this.#part = { kind, id }
    return [...before, { type: `${kind}-start`, id }, { type: `${kind}-delta`, id, delta }]
  }

  #endPart(): ReadonlyArray<Chunk> {
    if (this.#part === undefined) return []
    const { id, kind } = this.#part
    this.#part = undefined
    return [{ type: `${kind}-end`, id }]
  }

  #toolCalls({ parts }: ChatEventOf<"assistant_message">): ReadonlyArray<Chunk> {
    return parts.flatMap((part): ReadonlyArray<Chunk> => {
      if (part.type !== "tool_call") return []
      const { arguments: input, name: toolName, tool_call_id: toolCallId } = part
      this.#calls.add(toolCallId)
      return [
        { type: "tool-input-start", toolCallId, toolName, dynamic: true },
        { type: "tool-input-available", toolCallId, toolName, input, dynamic: true }
      ]
    })
  }

  #result(event: ChatEventOf<"tool_result">): ReadonlyArray<Chunk> {
    const { content, is_error, structured, tool_call_id: toolCallId } = event
    this.#calls.delete(toolCallId)
    const chunk: Chunk = this.#declined.has(toolCallId)
      ? { type: "tool-output-denied", toolCallId }
      : is_error
        ? { type: "tool-output-error", toolCallId, errorText: resultText(event), dynamic: true }
        : { type: "tool-output-available", toolCallId, output: structured ?? content, dynamic: true }
    return [chunk, ...this.#pause()]
  }

  #asked({ id, message, reason, response_schema, tool_call_id, url }: ChatEventOf<"input_requested">) {
    if (reason === "approval" && tool_call_id !== undefined) {
      const approved = this.#answered.get(id)
      if (approved === true) return []
      if (approved === false) this.#declined.add(tool_call_id)
      const chunk: Chunk = { type: "tool-approval-request", approvalId: id, toolCallId: tool_call_id }
      if (approved === false) return [chunk]
      this.#approvals.set(id, tool_call_id)
      return [chunk, ...this.#pause()]
    }
    const data = {
      id,
      reason,
      message,
      ...(tool_call_id !== undefined && { tool_call_id }),
      ...(response_schema !== undefined && { response_schema }),
      ...(url !== undefined && { url })
    }
    return [{ type: "data-input-required", id, data }]
  }

  /** A client sends approvals in a new request, so the response ends once nothing else runs. */
  #pause(): ReadonlyArray<Chunk> {
    const pending = new Set(this.#approvals.values())
    if (pending.size === 0 || [...this.#calls].some((call) => !pending.has(call))) return []
    return this.#end({ type: "finish", finishReason: "tool-calls" })
  }

  #end(last: Chunk): ReadonlyArray<Chunk> {
    this.#ended = true
    return [...this.#endStep(), last]
  }
}
