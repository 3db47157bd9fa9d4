/** Finds the first address that accepts a TCP connection. */
import { connect } from "node:net"

/** Milliseconds after which the next address is tried as well (RFC 8305, section 5). */
const stagger = 250
/** Milliseconds until an address that does not respond counts as unreachable. */
const longest = 5000

/**
 * Tries the addresses in their order: each when the one before it has failed, or is slow. The connections are closed at once.
 * `undefined` if none accepts.
 */
export const firstReachable = (
  addresses: ReadonlyArray<string>,
  port: number
): Promise<string | undefined> => {
  const { promise, resolve } = Promise.withResolvers<string | undefined>()
  const sockets = new Set<ReturnType<typeof connect>>()
  let next = 0
  let running = 0
  let hasEnded = false
  const end = (address: string | undefined) => {
    hasEnded = true
    clearTimeout(limit)
    for (const socket of sockets) socket.destroy()
    resolve(address)
  }
  const limit = setTimeout(() => end(undefined), longest)
  const tryNext = () => {
    const address = addresses[next++]
    if (hasEnded) return
    if (address === undefined) {
      if (running === 0) end(undefined)
      return
    }
    running++
    const socket = connect(port, address)
    sockets.add(socket)
    const slow = setTimeout(tryNext, stagger)
    socket.on("connect", () => {
      clearTimeout(slow)
      end(address)
    })
    socket.on("error", () => {
      clearTimeout(slow)
      sockets.delete(socket)
      running--
      tryNext()
    })
  }
  tryNext()
  return promise
}
