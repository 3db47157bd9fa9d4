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
import { internalError, invalidRequest, parseError } from "../../src/domain/errorCodes.ts"

/**
 * Why messages were not taken, as a JSON-RPC error. The id is null where none could be read. On a connection that other
 * requests share, an id that is in use must not be repeated: the client would take it for the answer to the first one.
 */
export class Unreadable {
  readonly code: number
  readonly message: string
  readonly id: RequestId | null
  constructor(code: number, message: string, id: RequestId | null = null) {
    this.code = code
    this.message = message
    this.id = id
  }
}

export type RpcResponse = JSONRPCResultResponse | JSONRPCErrorResponse

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

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })

const isId = (id: unknown) =>
  typeof id === "string" ? id.length <= longestId : typeof id === "number" && Number.isSafeInteger(id)

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
}

export const fromValue = (value: unknown): Parsed | Unreadable => {
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
    // `flaw` found none, so it has the message's shape, which no type can follow from there; methods check their params.
    messages.push(lenient(item as JsonObject) as unknown as JSONRPCMessage)
  }
  return { messages, batch }
}

/** The JSON value of a frame, whatever it is; `Unreadable` if there is none. */
export const toValue = (frame: Uint8Array | string): unknown => {
  try {
    return JSON.parse(typeof frame === "string" ? frame : decoder.decode(frame))
  } catch (error) {
    const why = error instanceof TypeError ? "the message is not UTF-8" : "the message is not JSON"
    return new Unreadable(parseError, `Parse error: ${why}`)
  }
}

export const fromBytes = (bytes: Uint8Array): Parsed | Unreadable => {
  const value = toValue(bytes)
  return value instanceof Unreadable ? value : fromValue(value)
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
