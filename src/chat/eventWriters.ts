/** Server-sent events of a conversation: frames of `v: 1`, or the AI SDK's UI message stream. */
import { isEnd } from "../../layers/chat/ConversationState.ts"
import type { EventStream } from "../../layers/transports/EventStream.ts"
import type { EventWriter } from "./eventResponse.ts"
import { errorFrame, frameOf } from "./frames.ts"
import { UiMessageStream, type Chunk, type Continued } from "./UiMessageStream.ts"

const encoder = new TextEncoder()

const send = (stream: EventStream, data: string, id?: number) =>
  stream.bytes(encoder.encode(`${id === undefined ? "" : `id: ${id}\n`}data: ${data}\n\n`))

/** `seq` is the id of each event, for `Last-Event-ID`. The response ends with the turn, or follows the conversation. */
export const frameWriter = (requestId: string | undefined): EventWriter => ({
  write: (event, stream) => {
    send(stream, JSON.stringify(frameOf(event)), event.seq)
    return !(isEnd(event.type) && "request_id" in event && event.request_id === requestId)
  },
  failed: (error, stream) => send(stream, JSON.stringify(errorFrame(requestId ?? null, error)))
})

const uiHeaders = { "x-vercel-ai-ui-message-stream": "v1" }

export const uiWriter = (
  requestId: string,
  continued?: Continued,
  answered?: ReadonlyMap<string, boolean>
): EventWriter => {
  const chunks = new UiMessageStream(answered)
  let first: Chunk | undefined = continued === undefined ? undefined : chunks.continue(continued)
  return {
    headers: uiHeaders,
    write: (event, stream) => {
      if (first !== undefined) send(stream, JSON.stringify(first))
      first = undefined
      if (!("request_id" in event) || event.request_id !== requestId) return true
      for (const chunk of chunks.of(event)) send(stream, JSON.stringify(chunk))
      return !chunks.ended
    },
    failed: (error, stream) => send(stream, JSON.stringify({ type: "error", errorText: error.message })),
    end: (stream) => send(stream, "[DONE]")
  }
}
