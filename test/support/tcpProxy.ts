/** A TCP proxy that a test can stop, as a server that restarts. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net"
import { Effect } from "effect"

/** Forwards to the port on 127.0.0.1 until the scope closes. `stop` cuts all connections and refuses new ones. */
export const tcpProxy = Effect.fnUntraced(function* (target: number) {
  const sockets = new Set<Socket>()
  const follow = (socket: Socket, other: Socket) => {
    sockets.add(socket)
    socket.on("error", () => other.destroy())
    socket.on("close", () => {
      sockets.delete(socket)
      other.destroy()
    })
  }
  const server = createServer((socket) => {
    const upstream = connect(target, "127.0.0.1")
    follow(socket, upstream)
    follow(upstream, socket)
    socket.pipe(upstream)
    upstream.pipe(socket)
  })
  const listen = (port: number) =>
    Effect.promise(() => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve)))
  const stop = Effect.promise(async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  yield* Effect.acquireRelease(listen(0), () => stop)
  const { port } = server.address() as AddressInfo
  return { port, stop, start: listen(port) }
})
