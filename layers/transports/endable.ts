/** A streaming response that can be ended from outside, and whose slow reader is limited. */
import type { Backlog } from "./Backlog.ts"

/**
 * `register` gets a function that ends the stream and cancels its source, and returns one to call when the stream has
 * ended. The source is read as it writes, because its own queue has no limit: what waits is limited by `backlog`.
 */
export const endable = (
  response: Response,
  backlog: Backlog,
  register: (end: () => void) => () => void
): Response => {
  const reader = response.body?.getReader()
  if (reader === undefined) return response
  let open = true
  let unregister = () => {}
  const end = (controller: ReadableStreamDefaultController<Uint8Array>, error?: Error) => {
    if (!open) return
    open = false
    unregister()
    backlog.end()
    if (error === undefined) controller.close()
    else controller.error(error)
  }
  const cancelSource = (reason?: unknown) => {
    // A source that failed has nothing left to cancel.
    reader.cancel(reason).catch(() => {})
  }
  const pump = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return end(controller)
      if (!open) return
      controller.enqueue(value)
      if (backlog.update(-(controller.desiredSize ?? 0))) continue
      end(controller, new Error("The reader is too slow."))
      cancelSource()
      return
    }
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        unregister = register(() => {
          end(controller)
          cancelSource()
        })
        pump(controller).catch((cause: unknown) =>
          end(controller, cause instanceof Error ? cause : new Error(String(cause)))
        )
      },
      pull: () => void backlog.update(0),
      cancel: (reason) => {
        open = false
        unregister()
        backlog.end()
        cancelSource(reason)
      }
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 })
  )
  const { headers, status } = response
  return new Response(body, { status, headers })
}
