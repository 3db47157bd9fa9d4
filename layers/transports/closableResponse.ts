/** Wraps a streaming response so that it can be ended from outside, with back-pressure for slow readers. */
import type { Backlog } from "./Backlog.ts"
import { StreamingBody } from "./StreamingBody.ts"

/**
 * `register` gets a function that ends the stream and cancels its source, and returns one to call when the source has
 * ended. The source is read eagerly, because its queue is unbounded; `backlog` limits the buffer.
 */
export const closable = (
  response: Response,
  backlog: Backlog,
  register: (end: () => void) => () => void
): Response => {
  const reader = response.body?.getReader()
  if (reader === undefined) return response
  const cancelSource = (reason?: unknown) => {
    // Cancelling a failed source rejects.
    reader.cancel(reason).catch(() => {})
  }
  let open = true
  let unregister = () => {}
  const ended = () => {
    if (!open) return
    open = false
    unregister()
  }
  const body = new StreamingBody(backlog, (reason) => {
    ended()
    cancelSource(reason)
  })
  unregister = register(() => {
    ended()
    body.close()
    cancelSource()
  })
  // Ended during registration.
  if (!open) unregister()
  const pump = async () => {
    while (body.open) {
      const { done, value } = await reader.read()
      if (done) {
        ended()
        body.close()
        return
      }
      body.write(value)
    }
  }
  pump().catch((cause: unknown) => {
    ended()
    body.fail(cause instanceof Error ? cause : new Error(String(cause)))
  })
  const { headers, status } = response
  return new Response(body.stream, { status, headers })
}
