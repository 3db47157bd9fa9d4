/** Reads JSON-RPC messages from an HTTP request body: media type, size limit, and the principal's memory quota. */
import { isJsonContentType } from "@modelcontextprotocol/server"
import { limitReached } from "../../src/domain/errorCodes.ts"
import { json } from "../http/responses.ts"
import type { Grant } from "../identity/Grant.ts"
import { Hold, type Quota } from "../quotas/Quota.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import { errorMessage, fromBytes, type MessageRejection, type Parsed } from "./jsonRpc.ts"
import { reject } from "./jsonRpcResponses.ts"

/** Rejects a body by its Content-Type and Content-Encoding. */
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
    return reject(413, `Message too large: at most ${maxMessageBytes} bytes.`)
  }
  return fromBytes(bytes, bounds)
}

/** Smaller messages, in bytes, are not charged: the concurrency limit bounds them. */
export const largeMessage = 64 * 1024

export const memoryQuotaReached =
  "Memory quota of this principal reached (quotas.memory). Wait for running requests to end, then retry."

/**
 * Charges a large body to the principal until the returned hold ends, after the responses to its requests; 429 when the
 * quota is reached. A body of unknown length is charged the maximum.
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
  return hold.set(length)
    ? hold
    : json(429, errorMessage(limitReached, memoryQuotaReached), { "retry-after": "1" })
}
