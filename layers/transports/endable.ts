/** A streaming response that can be ended from outside, as when the credential that opened it ends. */

/**
 * `register` gets a function that ends the stream and cancels its source, and returns one to call when the stream has
 * ended by itself.
 */
export const endable = (response: Response, register: (end: () => void) => () => void): Response => {
  const reader = response.body?.getReader()
  if (reader === undefined) return response
  let unregister = () => {}
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        unregister = register(() => {
          unregister()
          controller.close()
          void reader.cancel()
        })
      },
      pull: async (controller) => {
        const { done, value } = await reader.read()
        if (!done) {
          controller.enqueue(value)
          return
        }
        unregister()
        try {
          controller.close()
        } catch {
          // Ended from outside in the meantime.
        }
      },
      cancel: (reason) => {
        unregister()
        return reader.cancel(reason)
      }
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 0 })
  )
  const { headers, status } = response
  return new Response(body, { status, headers })
}
