/** Lines of `events.jsonl`: one JSON object for each event, and for what the log itself needs. */
import { Result, Schema } from "effect"
import { ChatEventBody, type ChatEvent } from "../ChatEvent.ts"
import type { EventMark } from "../ConversationState.ts"

/** An event, with what the log adds to it. */
export interface EventLine extends EventMark {
  readonly conversation: string
  /** The process that runs the turn that the event begins. */
  readonly owner?: string
  /** Number of lines that were stored with this one and follow it. */
  readonly more?: number
}

/** Line of a conversation that was removed. */
interface RemovedLine {
  readonly type: "conversation_removed"
  readonly conversation: string
  readonly timestamp: string
}

/** First line of each file. */
export interface SegmentLine {
  readonly type: "log_segment"
  readonly segment: number
}

export type Line = EventLine | RemovedLine | SegmentLine

export const isSegment = (line: Line): line is SegmentLine => line.type === "log_segment"
export const isRemoved = (line: Line): line is RemovedLine => line.type === "conversation_removed"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const isCount = (value: unknown) => Number.isSafeInteger(value) && Number(value) >= 0
const isText = (value: unknown) => typeof value === "string"
const isCountOrAbsent = (value: unknown) => value === undefined || isCount(value)
const isTextOrAbsent = (value: unknown) => value === undefined || isText(value)

/** The fields that the index depends on; events are decoded when they are read. */
const isLine = (value: unknown): value is Line => {
  if (!isObject(value)) return false
  if (value["type"] === "log_segment") return isCount(value["segment"])
  if (!isText(value["type"]) || !isText(value["conversation"]) || !isText(value["timestamp"])) return false
  if (value["type"] === "conversation_removed") return true
  const { hop, id, more, owner, principal, request_id, seq } = value
  return (
    isCount(seq) &&
    seq !== 0 &&
    isCountOrAbsent(hop) &&
    isCountOrAbsent(more) &&
    isTextOrAbsent(id) &&
    isTextOrAbsent(owner) &&
    isTextOrAbsent(principal) &&
    isTextOrAbsent(request_id)
  )
}

/** Undefined: damaged. */
export const parseLine = (text: string): Line | undefined => {
  try {
    const value: unknown = JSON.parse(text)
    return isLine(value) ? value : undefined
  } catch {
    return undefined
  }
}

const known: ReadonlySet<string> = new Set(
  ChatEventBody.members.flatMap(({ fields: { type } }): ReadonlyArray<string> =>
    "literals" in type ? type.literals : [type.literal]
  )
)
const decode = Schema.decodeUnknownResult(ChatEventBody)

/** `newer`: of a type that a later version of the program has. */
export const decodeEvent = (line: EventLine): ChatEvent | "damaged" | "newer" => {
  if (!known.has(line.type)) return "newer"
  const body = decode(line)
  if (Result.isFailure(body)) return "damaged"
  const { conversation, seq, timestamp } = line
  return { conversation, seq, timestamp, ...body.success }
}

export interface Written {
  /** Valid until the next call; longer than what is written. */
  readonly buffer: Uint8Array
  /** Bytes of all lines. */
  readonly size: number
  /** Bytes of each line with its end. */
  readonly lengths: ReadonlyArray<number>
}

/** Reused, because making a buffer takes longer than encoding a line. */
const scratch = Buffer.allocUnsafe(64 * 2 ** 10)
const maxUtf8Bytes = 3

const encodeText = (text: string, lengths?: ReadonlyArray<number>): Written => {
  const isShort = text.length * maxUtf8Bytes <= scratch.length
  const buffer = isShort ? scratch : Buffer.from(text)
  const size = isShort ? scratch.write(text) : buffer.length
  return { buffer, size, lengths: lengths ?? [size] }
}

/** `owner`: of the turn that a user's message in it begins; its principal is written with it. */
export const encodeEvents = (
  events: ReadonlyArray<ChatEvent>,
  begins?: { readonly owner: string; readonly principal: string }
): Written => {
  const [single] = events
  if (events.length === 1 && single !== undefined && single.type !== "user_message") {
    return encodeText(`${JSON.stringify(single)}\n`)
  }
  const lines = events.map((event, index) => {
    const more = events.length - 1 - index
    return `${JSON.stringify({
      ...event,
      ...(event.type === "user_message" && begins),
      ...(more > 0 && { more })
    })}\n`
  })
  return encodeText(
    lines.join(""),
    lines.map((line) => Buffer.byteLength(line))
  )
}

export const encodeLine = (line: RemovedLine | SegmentLine): Uint8Array =>
  Buffer.from(`${JSON.stringify(line)}\n`)

/** The conversation of a damaged line, as far as it can be seen. */
export const conversationIn = (text: string): string | undefined =>
  /"conversation"\s*:\s*"([^"\\]{1,200})"/.exec(text)?.[1]
