/** Bodies that are passed on part by part, with back-pressure: the next part is read when the last one was taken. */
import type { Exchange } from "./Exchanges.ts"

const onDemand = { highWaterMark: 0 }

/** The request body exceeds the limit of the application. */
export class BodyTooLarge extends Error {}

/**
 * The request body, which fails beyond `maxBytes`. `progress` is called when a part is awaited, and with `true` when the
 * last one was taken.
 */
export const countedBody = (
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  progress: (isLast: boolean) => void,
  onError: (cause: unknown) => void
): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let size = 0
  progress(false)
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        progress(false)
        try {
          const { done, value } = await reader.read()
          if (done) {
            progress(true)
            controller.close()
            return
          }
          size += value.byteLength
          if (size > maxBytes) throw new BodyTooLarge()
          controller.enqueue(value)
        } catch (cause) {
          onError(cause)
          controller.error(cause)
          if (cause instanceof BodyTooLarge) await reader.cancel()
        }
      },
      cancel: (reason) => reader.cancel(reason)
    },
    onDemand
  )
}

/** The response body, whose exchange ends when no part was taken for `idleTimeout` milliseconds. `ended` gets the bytes. */
export const followedBody = (
  body: ReadableStream<Uint8Array>,
  exchange: Exchange,
  idleTimeout: number,
  ended: (bytes: number) => void
): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let size = 0
  exchange.deadline = performance.now() + idleTimeout
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        exchange.deadline = performance.now() + idleTimeout
        try {
          const { done, value } = await reader.read()
          if (done) {
            ended(size)
            controller.close()
            return
          }
          size += value.byteLength
          controller.enqueue(value)
        } catch (cause) {
          ended(size)
          controller.error(cause)
        }
      },
      cancel: () => {
        exchange.end("client")
        ended(size)
      }
    },
    onDemand
  )
}
