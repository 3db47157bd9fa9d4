/** One call of the model in a turn: its parts become events as they arrive, and then one message. */
import { Effect, Exit, Stream } from "effect"
import * as Prompt from "effect/ai/Prompt"
import type * as Response from "effect/ai/Response"
import type { ChatEventOf } from "../../layers/chat/ChatEvent.ts"
import type { Models } from "../../layers/models/Models.ts"
import type { ToolEntry } from "../catalog/Entry.ts"
import { toModelTool } from "./toolList.ts"
import type { Turn } from "./Turn.ts"

export type Message = Omit<ChatEventOf<"assistant_message">, "conversation" | "seq" | "timestamp">
type Part = Message["parts"][number]
type TextPart = Extract<Part, { readonly deltas: unknown }>

interface Piece {
  readonly type: TextPart["type"]
  text: string
  /** Whether it begins a part. */
  readonly begins: boolean
}

interface OpenPart {
  readonly type: TextPart["type"]
  text: string
  readonly deltas: Array<TextPart["deltas"][number]>
}

/** The parts of a response so far. */
class Parts {
  readonly list: Array<Part> = []

  /** The last part, if more text can be added to it. */
  #open: OpenPart | undefined

  /** `seq`: of the delta that has the text; absent if there is none. */
  add({ begins, text, type }: Piece, seq: number | undefined) {
    let open = this.#open
    if (begins || open?.type !== type || open !== this.list.at(-1)) {
      open = { type, text: "", deltas: [] }
      this.list.push(open)
      this.#open = open
    }
    open.text += text
    if (seq !== undefined) open.deltas.push({ seq, length: text.length })
  }

  describe(metadata: Response.ReasoningEndPartEncoded["metadata"]) {
    const last = this.list.at(-1)
    if (last?.type !== "reasoning" || metadata === undefined) return
    this.list[this.list.length - 1] = { ...last, metadata: { ...metadata } }
  }
}

/** What one read of the response has brought. */
interface Batch {
  readonly pieces: ReadonlyArray<Piece>
  readonly rest: ReadonlyArray<Response.StreamPartEncoded>
}

/** Deltas of one part are merged. Whatever follows them in the batch comes after them. */
const split = (parts: ReadonlyArray<Response.StreamPartEncoded>, begin: { yes: boolean }): Batch => {
  const pieces: Array<Piece> = []
  const rest: Array<Response.StreamPartEncoded> = []
  for (const part of parts) {
    switch (part.type) {
      case "text-start":
      case "reasoning-start":
        begin.yes = true
        break
      case "text-delta":
      case "reasoning-delta": {
        const type = part.type === "text-delta" ? "text" : "reasoning"
        const last = pieces.at(-1)
        if (last?.type === type && !begin.yes) last.text += part.delta
        else pieces.push({ type, text: part.delta, begins: begin.yes })
        begin.yes = false
        break
      }
      default:
        rest.push(part)
    }
  }
  return { pieces, rest }
}

export interface AskModel {
  readonly models: Models["Service"]
  readonly turn: Turn
  readonly hop: number
  readonly messages: ReadonlyArray<Prompt.Message>
  readonly tools: ReadonlyArray<ToolEntry>
  /** False: the model must answer without a call. */
  readonly mayCall: boolean
  /** Ids of the turn's tool calls so far. Providers may use an id again in their next response. */
  readonly callIds: Set<string>
}

const uniqueId = (id: string, taken: Set<string>): string => {
  let unique = id
  for (let number = 2; taken.has(unique); number++) unique = `${id}_${number}`
  taken.add(unique)
  return unique
}

/** Stores the message, also an incomplete one, and returns it. */
export const askModel = Effect.fnUntraced(function* ({
  callIds,
  hop,
  mayCall,
  messages,
  models,
  tools,
  turn
}: AskModel) {
  const { options, requestId: request_id, settings } = turn
  const streaming = options.streaming ?? settings.streaming.enabled
  const parts = new Parts()
  const begin = { yes: true }
  let finish: Response.FinishPartEncoded | undefined

  const store = Effect.fnUntraced(function* (pieces: ReadonlyArray<Piece>) {
    const stored = yield* turn.append(
      pieces.map(({ text, type }) => ({
        type: type === "text" ? ("text_delta" as const) : ("reasoning_delta" as const),
        request_id,
        hop,
        text
      }))
    )
    for (const [index, piece] of pieces.entries()) parts.add(piece, stored[index]?.seq)
  })

  const take = Effect.fnUntraced(function* (batch: ReadonlyArray<Response.StreamPartEncoded>) {
    const { pieces, rest } = split(batch, begin)
    if (pieces.length > 0) {
      if (streaming) yield* store(pieces)
      else for (const piece of pieces) parts.add(piece, undefined)
    }
    for (const part of rest) {
      if (part.type === "reasoning-end") parts.describe(part.metadata)
      else if (part.type === "tool-call") {
        const { id, metadata, name, params } = part
        parts.list.push({
          type: "tool_call",
          tool_call_id: uniqueId(id, callIds),
          name,
          arguments: params,
          ...(metadata !== undefined && { metadata: { ...metadata } })
        })
      } else if (part.type === "finish") finish = part
    }
  })

  /** Without streaming the text is one delta. */
  const whole = Effect.suspend(() => {
    const text = parts.list.filter((part) => part.type === "text")
    if (streaming || text.length === 0) return Effect.void
    const all = parts.list.splice(0)
    return Effect.forEach(
      all,
      (part) => {
        if (part.type === "text") return store([{ type: "text", text: part.text, begins: true }])
        parts.list.push(part)
        return Effect.void
      },
      { discard: true }
    )
  })

  const message = (stop_reason: string): Message => ({
    type: "assistant_message",
    request_id,
    hop,
    parts: parts.list,
    ...turn.spending.message,
    stop_reason
  })

  const tool = tools.map(toModelTool)
  turn.spending.beginMessage()
  yield* Stream.runForEachArray(
    models.stream({
      prompt: Prompt.fromMessages(messages),
      ...(options.provider !== undefined && { provider: options.provider }),
      ...(options.model !== undefined && { model: options.model }),
      ...(tool.length > 0 && { tools: tool, toolChoice: mayCall ? "auto" : "none" })
    }),
    take
  ).pipe(
    Effect.onExit((exit) => {
      if (Exit.isSuccess(exit) || parts.list.length === 0) return Effect.void
      // What the user has seen stays in the conversation.
      return Effect.ignore(turn.append([message("error")]))
    })
  )
  yield* whole
  const complete = message(finish?.reason ?? "unknown")
  yield* turn.append([complete])
  return complete
})
