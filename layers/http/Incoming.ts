/** A request on its way through the listener, with what its route may ask about it. */
import * as answers from "./responseHeaders.ts"
import { isLoopback } from "./hosts.ts"
import type { Ids } from "../platform/Ids.ts"
import type { AnyRoute, Connection } from "./Routes.ts"
import type * as sockets from "./webSockets.ts"

export class Incoming implements Connection<unknown> {
  readonly request: Request
  readonly began = Bun.nanoseconds()
  /** Set when a route was found. */
  route: AnyRoute | undefined
  /** The listed origin whose pages may read the answer. */
  origin: string | undefined
  readonly #server: Bun.Server<sockets.Upgraded>
  readonly #ids: Ids["Service"]
  #requestId: string | undefined

  constructor(request: Request, server: Bun.Server<sockets.Upgraded>, ids: Ids["Service"]) {
    this.request = request
    this.#server = server
    this.#ids = ids
  }

  get address() {
    return this.#server.requestIP(this.request)?.address ?? ""
  }

  get loopback() {
    return isLoopback(this.address)
  }

  get requestId() {
    return (this.#requestId ??= answers.givenId(this.request.headers) ?? this.#ids.nextUnsafe())
  }

  keepOpen = () => this.#server.timeout(this.request, 0)

  upgrade = (data: unknown, headers?: Record<string, string>) => {
    const handlers = this.route?.websocket
    if (handlers === undefined) return false
    return this.#server.upgrade(this.request, {
      data: { handlers, data },
      ...(headers !== undefined && { headers })
    })
  }
}
