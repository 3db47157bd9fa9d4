/** Bodies that are passed on part by part, with back-pressure: the next part is read when the last one was taken. */
import type { Exchange } from "./Exchanges.ts"

const onDemand = { highWaterMark: 0 }

/** The request body exceeds the limit of the application. */
export class BodyTooLarge extends Error {}

export interface BodyProgress {
  /** A part of the client is awaited. `size`: bytes so far; `waited`: milliseconds in which the earlier ones were awaited. */
  readonly awaited: (size: number, waited: number) => void
  /** The target takes a part, or, after the last one, responds. */
  readonly received: () => void
  readonly failed: (cause: unknown) => void
}

/** The request body, which fails beyond `maxBytes`. */
export const countedBody = (
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  progress: BodyProgress
): ReadableStream<Uint8Array> => {
  const reader = body.getReader()
  let size = 0
  let waited = 0
  progress.awaited(0, 0)
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        progress.awaited(size, waited)
        const since = performance.now()
        try {
          const { done, value } = await reader.read()
          waited += performance.now() - since
          progress.received()
          if (done) {
            controller.close()
            return
          }
          size += value.byteLength
          if (size > maxBytes) throw new BodyTooLarge()
          controller.enqueue(value)
        } catch (cause) {
          progress.failed(cause)
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
