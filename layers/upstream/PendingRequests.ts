/**
 * Requests that wait for their responses on one connection. The SDK's client validates each message several times, which
 * takes longer than a short call; it keeps the handshake, subscriptions and the server's own requests.
 */
import { Schema } from "effect"
import { isObject, type JsonObject } from "../../src/domain/JsonObject.ts"
import { TransientMap } from "../../src/domain/TransientMap.ts"

export interface Progress {
  readonly progress: number
  readonly total?: number | undefined
  readonly message?: string | undefined
}

/** A JSON-RPC error. */
export interface Rejection {
  readonly code: number
  readonly message: string
  readonly data?: unknown
}

export interface PendingRequest {
  readonly succeed: (result: JsonObject) => void
  /** `cause`: a `Rejection`, or the reason why there is no response. */
  readonly fail: (cause: unknown) => void
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Ids of the SDK's client are numbers. */
const prefix = "m"

const idOf = (number: number) => `${prefix}${number}`

const numberOf = (id: string) => Number(id.slice(prefix.length))

const isRejection = (error: unknown): error is Rejection & JsonObject =>
  isObject(error) && typeof error.code === "number" && typeof error.message === "string"

const toProgress = ({ message, progress, total }: JsonObject): Progress | undefined =>
  typeof progress === "number"
    ? {
        progress,
        ...(typeof total === "number" && { total }),
        ...(typeof message === "string" && { message })
      }
    : undefined

const idAtStart = /^\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*"(m\d+)"/
const idAtEnd = /"id"\s*:\s*"(m\d+)"\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$/

/** The id of a response of which only the start and the end are known: where servers write it. */
export const idOfPart = (start: string, end: string): string | undefined =>
  idAtStart.exec(start)?.[1] ?? idAtEnd.exec(end)?.[1]

/** A server sent a message that is not read, because it is too large. */
export class MessageTooLarge extends Schema.TaggedError<MessageTooLarge>()("MessageTooLarge", {
  /** The request that it answers, if that is known. */
  id: Schema.optionalKey(Schema.String),
  /** Maximum size. */
  maxBytes: Schema.Int
}) {
  override get message() {
    return `the server sent a message of more than ${this.maxBytes} bytes (server.max_message_bytes)`
  }
}

export class PendingRequests {
  /** By the number in their ids: a map of numbers takes a third of the time of one of new texts. */
  readonly #pending = new TransientMap<number, PendingRequest>()
  #count = 0

  /** Returns the request's id, which is its progress token as well. */
  add(request: PendingRequest): string {
    this.#pending.set(++this.#count, request)
    return idOf(this.#count)
  }

  /** False if the request has ended. */
  remove(id: string): boolean {
    return this.#pending.delete(numberOf(id))
  }

  has(id: string): boolean {
    return this.#pending.has(numberOf(id))
  }

  /** Whether a request waits that was added before that one. */
  hasBefore(id: string): boolean {
    const [oldest] = this.#pending.keys()
    return oldest !== undefined && oldest < numberOf(id)
  }

  /** Ends the request, if it still waits. */
  fail(id: string, cause: unknown): void {
    this.#pending.take(numberOf(id))?.fail(cause)
  }

  failAll(cause: unknown): void {
    for (const number of this.#pending.keys()) this.fail(idOf(number), cause)
  }

  /** Whether the message belongs to one of these requests. */
  accept(message: unknown): boolean {
    if (!isObject(message)) return false
    if (message.method === "notifications/progress") return this.#progress(message.params)
    if ("method" in message || typeof message.id !== "string" || !message.id.startsWith(prefix)) return false
    const request = this.#pending.take(numberOf(message.id))
    if (isObject(message.result)) request?.succeed(message.result)
    else if (isRejection(message.error)) request?.fail(message.error)
    else request?.fail(new Error("The server sent a response without a result and without an error."))
    return true
  }

  #progress(params: unknown): boolean {
    if (!isObject(params) || typeof params.progressToken !== "string") return false
    const progress = toProgress(params)
    if (progress !== undefined) this.#pending.get(numberOf(params.progressToken))?.onProgress?.(progress)
    return true
  }
}
