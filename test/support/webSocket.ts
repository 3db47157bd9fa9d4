/** A WebSocket client for tests: sends values as JSON, and reads one message at a time. */
import { Effect } from "effect"

export const webSocket = (url: URL, options: { headers?: Record<string, string>; protocol?: string } = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const { headers = {}, protocol } = options
      const socket = new WebSocket(url, { headers, ...(protocol !== undefined && { protocols: [protocol] }) })
      const received: Array<string> = []
      let wake = Promise.withResolvers<void>()
      const closed = Promise.withResolvers<CloseEvent>()
      socket.addEventListener("message", ({ data }) => {
        received.push(String(data))
        wake.resolve()
      })
      socket.addEventListener("close", (event) => {
        closed.resolve(event)
        wake.resolve()
      })
      const opened = new Promise((resolve) => socket.addEventListener("open", resolve))
      await Promise.race([opened, closed.promise])
      return {
        socket,
        send: (value: unknown) =>
          Effect.sync(() => socket.send(typeof value === "string" ? value : JSON.stringify(value))),
        /** The next message, parsed; `undefined` when the socket is closed. */
        next: Effect.promise(async () => {
          while (received.length === 0 && socket.readyState !== WebSocket.CLOSED) {
            await wake.promise
            wake = Promise.withResolvers()
          }
          const text = received.shift()
          return text === undefined ? undefined : (JSON.parse(text) as Record<string, unknown>)
        }),
        closed: Effect.promise(() => closed.promise)
      }
    }),
    ({ socket }) => Effect.sync(() => socket.close())
  )
