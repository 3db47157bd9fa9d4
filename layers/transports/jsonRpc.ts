/** Reads JSON-RPC messages from bytes that anybody may have sent; the one parser of every transport. */
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId
} from "@modelcontextprotocol/server"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { internalError, invalidParams, invalidRequest, parseError } from "../../src/domain/errorCodes.ts"
import { defaultBounds, exceeded, type JsonBounds } from "./jsonBounds.ts"
import { normalizeMessage } from "./normalizeMessage.ts"

/** Why messages were rejected, as a JSON-RPC error for each of the requests among them. */
export class MessageRejection {
  readonly code: number
  readonly message: string
  /** The ids of the rejected requests, as far as they could be read. */
  readonly ids: ReadonlyArray<RequestId>
  /** The HTTP status: 413 where a limit on sizes is exceeded, else 400. */
  readonly status: number
  constructor(code: number, message: string, ids: ReadonlyArray<RequestId> = [], status = 400) {
    this.code = code
    this.message = message
    this.ids = ids
    this.status = status
  }

  /** For a single error response: the id of the only request, else `null` (JSON-RPC 2.0, section 5). */
  get id(): RequestId | null {
    const [id = null] = this.ids
    return this.ids.length === 1 ? id : null
  }
}

export type RpcResponse = JSONRPCResultResponse | JSONRPCErrorResponse

export const isRequest = (message: JSONRPCMessage): message is JSONRPCRequest =>
  "method" in message && "id" in message

export const isCancellation = (message: JSONRPCMessage): message is JSONRPCNotification =>
  "method" in message && message.method === "notifications/cancelled"

/** Longest JSON-RPC id: every response repeats it. */
const longestId = 256
/** The only revision that has batches. */
export const batchRevision = "2025-03-26"
/** The most messages in one batch. */
const largestBatch = 100
/** The largest `initialize`, in bytes: what a client says of itself is kept as long as its session. */
const largestInitialize = 64 * 1024

/** Ignores a byte order mark (RFC 8259, section 8.1): shells of Windows write one when they pipe. */
const decoder = new TextDecoder("utf-8", { fatal: true })
const byteOrderMark = "\ufeff"

const isId = (id: unknown): id is RequestId =>
  typeof id === "string" ? id.length <= longestId : typeof id === "number" && Number.isSafeInteger(id)

/** The ids of the requests among values of any shape. */
const idsOf = (values: ReadonlyArray<unknown>): ReadonlyArray<RequestId> =>
  values.flatMap((value) => (isObject(value) && "method" in value && isId(value.id) ? [value.id] : []))

const request = (message: string) => new MessageRejection(invalidRequest, `Invalid Request: ${message}`)
const params = (message: string) => new MessageRejection(invalidParams, `Invalid params: ${message}`)

/** What every method has in common; the methods check the rest. */
const paramsMistake = (given: unknown): MessageRejection | undefined => {
  if (given === undefined || given === null) return undefined
  if (!isObject(given)) return params("params must be an object")
  const { _meta: meta } = given
  if (meta === undefined || meta === null) return undefined
  if (!isObject(meta)) return params("params._meta must be an object")
  const { progressToken: token } = meta
  if (token === undefined || token === null || typeof token === "string" || Number.isSafeInteger(token)) {
    return undefined
  }
  return params("params._meta.progressToken must be a string or an integer")
}

/** Why `value` is not a JSON-RPC 2.0 message with the params of MCP; `undefined` if it is one. */
const mistake = (value: unknown): MessageRejection | undefined => {
  if (!isObject(value)) return request("a message must be an object")
  if (value.jsonrpc !== "2.0") return request('jsonrpc must be "2.0"')
  if ("id" in value && !isId(value.id)) {
    return request(`id must be an integer, or a string of at most ${longestId} characters`)
  }
  if ("method" in value) {
    return typeof value.method === "string" ? paramsMistake(value.params) : request("method must be a string")
  }
  return "id" in value && (isObject(value.result) || isObject(value.error))
    ? undefined
    : request("method is missing")
}

/** Messages, in order, and whether they came as a batch. */
export interface Parsed {
  readonly messages: ReadonlyArray<JSONRPCMessage>
  readonly batch: boolean
  /** The length of the text that they were read from. */
  readonly bytes: number
}

const tooLarge = (message: string, ids?: ReadonlyArray<RequestId>) =>
  new MessageRejection(invalidRequest, `Invalid Request: ${message}`, ids, 413)

export const fromValue = (value: unknown, bytes = 0): Parsed | MessageRejection => {
  const batch = Array.isArray(value)
  const values: ReadonlyArray<unknown> = batch ? value : [value]
  if (values.length === 0) return request("the batch is empty")
  if (values.length > largestBatch) return request(`a batch has at most ${largestBatch} messages`)
  const messages: Array<JSONRPCMessage> = []
  for (const item of values) {
    const wrong = mistake(item)
    // A batch is rejected as a whole, so each of its requests gets the error.
    if (wrong !== undefined) return new MessageRejection(wrong.code, wrong.message, idsOf(values))
    if (bytes > largestInitialize && isObject(item) && item.method === "initialize") {
      return tooLarge(`initialize has at most ${largestInitialize} bytes`, idsOf(values))
    }
    // It has the message's shape, which no type can follow from `mistake`; methods check their params.
    messages.push(normalizeMessage(item as JsonObject) as unknown as JSONRPCMessage)
  }
  return { messages, batch, bytes }
}

/** Counts before it parses: the text of a frame may exceed the bounds that its size does not show. */
const outOfBounds = (frame: Uint8Array | string, bounds: JsonBounds): MessageRejection | undefined => {
  const wrong = exceeded(frame, bounds)
  return wrong === undefined ? undefined : tooLarge(wrong)
}

/** The JSON value of a frame, whatever it is; `MessageRejection` if there is none. */
export const toValue = (frame: Uint8Array | string, bounds: JsonBounds = defaultBounds): unknown => {
  const wrong = outOfBounds(frame, bounds)
  if (wrong !== undefined) return wrong
  try {
    if (typeof frame !== "string") return JSON.parse(decoder.decode(frame))
    return JSON.parse(frame.startsWith(byteOrderMark) ? frame.slice(1) : frame)
  } catch (error) {
    const why = error instanceof TypeError ? "the message is not UTF-8" : "the message is not JSON"
    return new MessageRejection(parseError, `Parse error: ${why}`)
  }
}

export const fromBytes = (bytes: Uint8Array, bounds?: JsonBounds): Parsed | MessageRejection => {
  const value = toValue(bytes, bounds)
  return value instanceof MessageRejection ? value : fromValue(value, bytes.byteLength)
}

/** A response as text. One that JSON cannot express, such as a result that is nested too deeply, is an error instead. */
export const toText = (response: RpcResponse, report: (error: Error) => void): string => {
  try {
    return JSON.stringify(response)
  } catch (cause) {
    report(new Error("a response cannot be written as JSON", { cause }))
    return JSON.stringify(toErrorMessage(response.id))
  }
}

/** Stands for a response that JSON cannot express. */
export const toErrorMessage = (id: RequestId | undefined): JSONRPCErrorResponse => ({
  jsonrpc: "2.0",
  ...(id !== undefined && { id }),
  error: { code: internalError, message: "The result cannot be written as JSON." }
})

export const errorMessage = (code: number, message: string, id: RequestId | null = null, data?: object) => ({
  jsonrpc: "2.0" as const,
  id,
  error: { code, message, ...(data !== undefined && { data }) }
})
