/** Parses and validates JSON-RPC messages from untrusted input, for all transports. */
import type {
  JSONRPCErrorResponse,
  JSONRPCMessage,
  JSONRPCNotification,
  JSONRPCRequest,
  JSONRPCResultResponse,
  RequestId
} from "@modelcontextprotocol/server"
import { jsonOf } from "../../src/domain/encodedResult.ts"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { internalError, invalidParams, invalidRequest, parseError } from "../../src/domain/errorCodes.ts"
import { defaultBounds, exceeded, type JsonBounds } from "./jsonBounds.ts"
import { normalizeMessage } from "./normalizeMessage.ts"

/** Rejection of messages: a JSON-RPC error for each of their requests. */
export class MessageRejection {
  readonly code: number
  readonly message: string
  /** The readable ids of the rejected requests. */
  readonly ids: ReadonlyArray<RequestId>
  /** The HTTP status: 413 if a size limit is exceeded, else 400. */
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

/** Longest JSON-RPC id; responses repeat it. */
const longestId = 256
/** The only revision with batches. */
export const batchRevision = "2025-03-26"
/** Maximum messages in one batch. */
const largestBatch = 100
/** The largest `initialize`, in bytes: client information is retained as long as its session. */
const largestInitialize = 64 * 1024

/** Ignores a byte order mark (RFC 8259, section 8.1), which Windows shells write into pipes. */
const decoder = new TextDecoder("utf-8", { fatal: true })
const byteOrderMark = "\ufeff"

const isId = (id: unknown): id is RequestId =>
  typeof id === "string" ? id.length <= longestId : typeof id === "number" && Number.isSafeInteger(id)

/** The ids of requests among unvalidated values. */
const idsOf = (values: ReadonlyArray<unknown>): ReadonlyArray<RequestId> =>
  values.flatMap((value) => (isObject(value) && "method" in value && isId(value.id) ? [value.id] : []))

const request = (message: string) => new MessageRejection(invalidRequest, `Invalid Request: ${message}`)
const params = (message: string) => new MessageRejection(invalidParams, `Invalid params: ${message}`)

/** Validates the params that all methods share. */
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
    : request("missing method")
}

/** Messages in order. */
export interface Parsed {
  readonly messages: ReadonlyArray<JSONRPCMessage>
  readonly batch: boolean
  /** The length of their text. */
  readonly bytes: number
}

const tooLarge = (message: string, ids?: ReadonlyArray<RequestId>) =>
  new MessageRejection(invalidRequest, `Invalid Request: ${message}`, ids, 413)

export const fromValue = (value: unknown, bytes = 0): Parsed | MessageRejection => {
  const batch = Array.isArray(value)
  const values: ReadonlyArray<unknown> = batch ? value : [value]
  if (values.length === 0) return request("the batch is empty")
  if (values.length > largestBatch) return request(`too many messages in the batch; at most ${largestBatch}`)
  const messages: Array<JSONRPCMessage> = []
  for (const item of values) {
    const wrong = mistake(item)
    // A batch is rejected as a whole: each of its requests gets the error.
    if (wrong !== undefined) return new MessageRejection(wrong.code, wrong.message, idsOf(values))
    if (bytes > largestInitialize && isObject(item) && item.method === "initialize") {
      return tooLarge(`initialize is larger than ${largestInitialize} bytes`, idsOf(values))
    }
    // `mistake` has validated the shape; methods check their params.
    messages.push(normalizeMessage(item as JsonObject) as unknown as JSONRPCMessage)
  }
  return { messages, batch, bytes }
}

/** Checks the bounds before parsing. */
const outOfBounds = (frame: Uint8Array | string, bounds: JsonBounds): MessageRejection | undefined => {
  const wrong = exceeded(frame, bounds)
  return wrong === undefined ? undefined : tooLarge(wrong)
}

/** Parses a frame as JSON of any shape. */
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

/** Serializes a response. One that cannot be serialized, such as a too deeply nested result, becomes an error. */
export const toText = (response: RpcResponse, report: (error: Error) => void): string => {
  try {
    const json = "result" in response ? jsonOf(response.result) : undefined
    return json === undefined
      ? JSON.stringify(response)
      : `{"jsonrpc":"2.0","id":${JSON.stringify(response.id)},"result":${json}}`
  } catch (cause) {
    report(new Error("cannot serialize a response as JSON", { cause }))
    return JSON.stringify(toErrorMessage(response.id))
  }
}

/** Replaces a response that cannot be serialized. */
export const toErrorMessage = (id: RequestId | undefined): JSONRPCErrorResponse => ({
  jsonrpc: "2.0",
  ...(id !== undefined && { id }),
  error: { code: internalError, message: "The result cannot be serialized as JSON." }
})

export const errorMessage = (code: number, message: string, id: RequestId | null = null, data?: object) => ({
  jsonrpc: "2.0" as const,
  id,
  error: { code, message, ...(data !== undefined && { data }) }
})
