/** An application over plain TCP that keeps all bytes it gets. */
import { createServer } from "node:net"
import { Effect } from "effect"

/** What is sent for the bytes that are pending, and those that stay pending. */
type Respond = (pending: string) => readonly [sent: string, pending: string]

/** Listens on a free port of 127.0.0.1 until the scope ends. */
export const recorder = (respond: Respond) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly port: number; readonly received: () => string; readonly close: () => void }>(
      (resume) => {
        let received = ""
        const server = createServer((socket) => {
          let pending = ""
          socket.setEncoding("latin1")
          socket.on("error", () => {})
          socket.on("data", (bytes) => {
            received += String(bytes)
            const [sent, rest] = respond(pending + String(bytes))
            pending = rest
            if (sent !== "") socket.write(sent)
          })
        })
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const port = typeof address === "object" && address !== null ? address.port : 0
          resume(Effect.succeed({ port, received: () => received, close: () => server.close() }))
        })
      }
    ),
    ({ close }) => Effect.sync(close)
  )
