/** Makes one TLS handshake, to test a server. */
import { isIP } from "node:net"
import { connect } from "node:tls"

export interface Handshake {
  /** Such as `TLSv1.3`. */
  readonly protocol: string
  /** Until when the certificate is valid, as the certificate says it. */
  readonly validTo: string
}

/** Verifies the certificate for the name; the connection is closed at once. Rejects with the reason. */
export const tlsHandshake = (
  address: string,
  port: number,
  name: string,
  signal: AbortSignal
): Promise<Handshake> => {
  const { promise, reject, resolve } = Promise.withResolvers<Handshake>()
  const socket = connect({ host: address, port, ...(isIP(name) === 0 && { servername: name }) })
  signal.addEventListener("abort", () => socket.destroy())
  socket.on("error", reject)
  socket.on("close", () => reject(new Error("the connection was closed during the TLS handshake")))
  socket.on("secureConnect", () => {
    resolve({ protocol: socket.getProtocol() ?? "TLS", validTo: socket.getPeerCertificate().valid_to })
    socket.destroy()
  })
  return promise
}
