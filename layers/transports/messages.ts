/** Reads JSON-RPC messages from bytes that anybody may have sent; the one parser of every transport. */
import type {
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  RequestId
} from "@modelcontextprotocol/server"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { invalidRequest, parseError } from "../../src/domain/errorCodes.ts"
import { defaultBounds, exceeded, type JsonBounds } from "./jsonBounds.ts"

/**
 * Why messages were not taken, as a JSON-RPC error. The id is null where none could be read. On a connection that other
 * requests share, an id that is in use must not be repeated: the client would take it for the answer to the first one.
 */
export class Unreadable {
  readonly code: number
  readonly message: string
  readonly id: RequestId | null
  /** The HTTP status: 413 where a limit on sizes is exceeded, else 400. */
  readonly status: number
  constructor(code: number, message: string, id: RequestId | null = null, status = 400) {
    this.code = code
    this.message = message
    this.id = id
    this.status = status
  }
}

export const isRequest = (message: JSONRPCMessage): message is JSONRPCRequest =>
  "method" in message && "id" in message

export const isCancellation = (message: JSONRPCMessage): message is JSONRPCNotification =>
  "method" in message && message.method === "notifications/cancelled"

/** JSON-RPC ids longer than this are somebody's mistake or attack; every answer would repeat them. */
const longestId = 256
/** The only revision that has batches. */
export const batchRevision = "2025-03-26"
/** The most messages in one batch. */
const largestBatch = 100
/** The largest `initialize`, in bytes: what a client says of itself is kept as long as its session. */
const largestInitialize = 64 * 1024

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const isId = (id: unknown) =>
  typeof id === "string" ? id.length <= longestId : typeof id === "number" && Number.isSafeInteger(id)

const idOf = ({ id }: JsonObject): RequestId | null =>
  typeof id === "string" || typeof id === "number" ? id : null

/**
 * Older clients leave parts of `initialize` out that the schemas require; they are taken as empty.
 */
const lenient = (message: JsonObject): JsonObject => {
  if (message.method !== "initialize" || !isObject(message.params)) return message
  const { capabilities, clientInfo } = message.params
  if (isObject(capabilities) && isObject(clientInfo)) return message
  const params = {
    ...message.params,
    ...(capabilities === undefined && { capabilities: {} }),
    ...(clientInfo === undefined && { clientInfo: { name: "unknown", version: "0" } })
  }
  return { ...message, params }
}

/** Why `value` is no JSON-RPC 2.0 message; `undefined` if it is one. */
const flaw = (value: unknown): string | undefined => {
  if (!isObject(value)) return "a message must be an object"
  if (value.jsonrpc !== "2.0") return 'jsonrpc must be "2.0"'
  if ("id" in value && !isId(value.id)) {
    return `id must be an integer, or a string of at most ${longestId} characters`
  }
  if ("method" in value) {
    if (typeof value.method !== "string") return "method must be a string"
    return value.params === undefined || isObject(value.params) ? undefined : "params must be an object"
  }
  if (!("id" in value)) return "method is missing"
  return isObject(value.result) || isObject(value.error) ? undefined : "method is missing"
}

/** Messages, in order, and whether they came as a batch. */
export interface Parsed {
  readonly messages: ReadonlyArray<JSONRPCMessage>
  readonly batch: boolean
  /** The length of the text that they were read from. */
  readonly bytes: number
}

const tooLarge = (message: string, id: RequestId | null = null) =>
  new Unreadable(invalidRequest, `Invalid Request: ${message}`, id, 413)

export const fromValue = (value: unknown, bytes = 0): Parsed | Unreadable => {
  const batch = Array.isArray(value)
  const values: ReadonlyArray<unknown> = batch ? value : [value]
  if (values.length === 0) return new Unreadable(invalidRequest, "Invalid Request: the batch is empty")
  if (values.length > largestBatch) {
    return new Unreadable(invalidRequest, `Invalid Request: a batch has at most ${largestBatch} messages`)
  }
  const messages: Array<JSONRPCMessage> = []
  for (const item of values) {
    const wrong = flaw(item)
    if (wrong !== undefined) return new Unreadable(invalidRequest, `Invalid Request: ${wrong}`)
    if (bytes > largestInitialize && isObject(item) && item.method === "initialize") {
      return tooLarge(`initialize has at most ${largestInitialize} bytes`, idOf(item))
    }
    // `flaw` found none, so it has the message's shape, which no type can follow from there; methods check their params.
    messages.push(lenient(item as JsonObject) as unknown as JSONRPCMessage)
  }
  return { messages, batch, bytes }
}

/** Counts before it parses: the text of a frame may exceed the bounds that its size does not show. */
const outOfBounds = (frame: Uint8Array | string, bounds: JsonBounds): Unreadable | undefined => {
  const wrong = exceeded(frame, bounds)
  return wrong === undefined ? undefined : tooLarge(wrong)
}

/** The JSON value of a frame, whatever it is; `Unreadable` if there is none. */
export const toValue = (frame: Uint8Array | string, bounds: JsonBounds = defaultBounds): unknown => {
  const wrong = outOfBounds(frame, bounds)
  if (wrong !== undefined) return wrong
  try {
    return JSON.parse(typeof frame === "string" ? frame : decoder.decode(frame))
  } catch (error) {
    const why = error instanceof TypeError ? "the message is not UTF-8" : "the message is not JSON"
    return new Unreadable(parseError, `Parse error: ${why}`)
  }
}

export const fromBytes = (bytes: Uint8Array, bounds?: JsonBounds): Parsed | Unreadable => {
  const value = toValue(bytes, bounds)
  return value instanceof Unreadable ? value : fromValue(value, bytes.byteLength)
}

export const errorMessage = (code: number, message: string, id: RequestId | null = null, data?: object) => ({
  jsonrpc: "2.0" as const,
  id,
  error: { code, message, ...(data !== undefined && { data }) }
})
