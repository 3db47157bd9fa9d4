/** A request that another process of this service forwards over a Unix socket, with what it knows about the client. */
import { IncomingRequest } from "./IncomingRequest.ts"
import type { Connection } from "./Routes.ts"

/** Trusted only on sockets that no other user can reach. */
const header = "manifold-forwarded"

/** Headers of the forwarded request. */
export const forwardedHeaders = (
  request: Request,
  {
    address,
    encrypted,
    loopback,
    requestId
  }: Pick<Connection, "address" | "encrypted" | "loopback" | "requestId">
): Headers => {
  const headers = new Headers(request.headers)
  headers.set(header, JSON.stringify({ address, encrypted, loopback }))
  headers.set("x-request-id", requestId)
  return headers
}

interface Facts {
  readonly address: string
  readonly encrypted: boolean
  readonly loopback: boolean
}

export class ForwardedRequest extends IncomingRequest {
  #facts: Facts | undefined

  get #client(): Facts {
    // Only another process of this service writes it.
    return (this.#facts ??= JSON.parse(this.request.headers.get(header) ?? "{}") as Facts)
  }

  override get address() {
    return this.#client.address
  }

  override get loopback() {
    return this.#client.loopback
  }

  override get encrypted() {
    return this.#client.encrypted
  }
}
