/** Request body limit of one route or site, below the limit of the server on `Bun.serve`. */
import type { IncomingRequest } from "./IncomingRequest.ts"
import { bodyTooLarge } from "./responses.ts"

/** The 413 of the handler that the request is for; it closes the connection, whose unread body would follow. */
export const tooLarge = ({ handler }: IncomingRequest, maxBytes: number): Response =>
  handler?.tooLarge?.(maxBytes) ?? bodyTooLarge(maxBytes)

/**
 * The request to pass on, or 413. A declared length is checked before the body is read, and Bun enforces it. A body of
 * unknown length is counted while it is read, and fails beyond `maxBytes`.
 */
export const limitBody = (incoming: IncomingRequest, maxBytes: number): Request | Response => {
  const { request } = incoming
  const length = request.headers.get("content-length")
  if (length !== null) {
    if (Number(length) <= maxBytes) return request
    incoming.exceeded = maxBytes
    return tooLarge(incoming, maxBytes)
  }
  const { body } = request
  if (body === null) return request
  let total = 0
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        total += chunk.byteLength
        if (total <= maxBytes) {
          controller.enqueue(chunk)
          return
        }
        incoming.exceeded = maxBytes
        controller.error(new Error(`the request body has more than ${maxBytes} bytes`))
      }
    })
  )
  return new Request(request, { method: request.method, body: counted, signal: request.signal })
}
