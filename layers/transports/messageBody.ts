/** Reads JSON-RPC messages from an HTTP request body: media type, size limit, and the principal's memory quota. */
import { isJsonContentType } from "@modelcontextprotocol/server"
import { limitReached } from "../../src/domain/errorCodes.ts"
import { json } from "../http/responses.ts"
import type { Grant } from "../identity/Grant.ts"
import { Hold, type Quota } from "../quotas/Quota.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import { errorMessage, fromBytes, type MessageRejection, type Parsed } from "./jsonRpc.ts"
import { reject } from "./jsonRpcResponses.ts"

/** What is wrong with the form of a request's body. */
export const wrongContent = (headers: Headers): Response | undefined => {
  if (!isJsonContentType(headers.get("content-type"))) {
    return reject(415, "Unsupported Media Type: Content-Type must be application/json.")
  }
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding !== "identity") {
    return reject(415, "Unsupported Media Type: send the body without Content-Encoding.")
  }
  return undefined
}

export interface MessageLimits {
  readonly maxMessageBytes: number
  /** Default `defaultBounds`. */
  readonly bounds?: JsonBounds
}

export const readMessages = async (
  request: Request,
  { bounds, maxMessageBytes }: MessageLimits
): Promise<Parsed | MessageRejection | Response> => {
  const bytes = await request.bytes()
  if (bytes.byteLength > maxMessageBytes) {
    return reject(413, `A message has at most ${maxMessageBytes} bytes.`)
  }
  return fromBytes(bytes, bounds)
}

/** Shorter messages, in bytes, are not charged: their number is limited with their requests. */
export const largeMessage = 64 * 1024

export const memoryUsedUp =
  "Too many bytes are kept for this principal (quotas.memory). Wait for running requests to end, then retry."

/**
 * Charges a large body to the principal until the returned hold ends, which is when its requests were answered; 429 if
 * there is no room. A body of unknown length may become as long as a message may be.
 */
export const holdBody = (
  quota: Quota,
  { principal }: Grant,
  request: Request,
  { maxMessageBytes }: MessageLimits
): Hold | Response | undefined => {
  const length = Number(request.headers.get("content-length") ?? maxMessageBytes)
  if (length < largeMessage) return undefined
  const hold = new Hold(quota, principal.key)
  return hold.set(length) ? hold : json(429, errorMessage(limitReached, memoryUsedUp), { "retry-after": "1" })
}
