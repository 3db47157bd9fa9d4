/** State of one request in the listener; also the `Connection` that its handler gets. */
import { requestIdOf } from "./requestId.ts"
import { isTrusted, type LoopbackTrust } from "./loopbackTrust.ts"
import type { Quota } from "../quotas/Quota.ts"
import type { Account } from "./chargedBody.ts"
import type { Ids } from "../platform/Ids.ts"
import type { AnyHandler, Connection } from "./Routes.ts"

/** The part of `Bun.Server` that requests need. */
export interface ServingServer {
  readonly url: { readonly protocol: string }
  requestIP(request: Request): { readonly address: string } | null
  timeout(request: Request, seconds: number): void
  upgrade(
    request: Request,
    options: { data: unknown; headers?: NonNullable<ConstructorParameters<typeof Headers>[0]> }
  ): boolean
}

export class IncomingRequest implements Connection<unknown> {
  readonly request: Request
  readonly began = Bun.nanoseconds()
  /** The route or site, once found. */
  handler: AnyHandler | undefined
  /** Sends its response without compression and security headers. */
  raw = false
  /** Served by a site, whose challenges are not ours. */
  ofSite = false
  /** The listed origin whose pages may read the response. */
  origin: string | undefined
  /** The body limit, in bytes, that a body of unknown length exceeded. */
  exceeded: number | undefined
  /** The quota that a large response is charged to. */
  account: Account | undefined
  /** The idle time-out, in seconds. */
  readonly #idleSeconds: number
  #keptOpen = false
  readonly #server: ServingServer
  readonly #ids: Ids["Service"]
  readonly #trust: LoopbackTrust
  #requestId: string | undefined

  constructor(
    request: Request,
    server: ServingServer,
    ids: Ids["Service"],
    trust: LoopbackTrust,
    idleSeconds: number
  ) {
    this.request = request
    this.#server = server
    this.#ids = ids
    this.#trust = trust
    this.#idleSeconds = idleSeconds
  }

  get address() {
    return this.#server.requestIP(this.request)?.address ?? ""
  }

  get loopback() {
    return isTrusted(this.#trust, this.request.headers, () => this.address)
  }

  get encrypted() {
    return this.#server.url.protocol === "https:"
  }

  get requestId() {
    return (this.#requestId ??= requestIdOf(this.request.headers) ?? this.#ids.nextUnsafe())
  }

  // Getters that return functions: handlers destructure the connection, and fields would cost every request five functions.

  get keepOpen() {
    return () => {
      this.#keptOpen = true
      this.#server.timeout(this.request, 0)
    }
  }

  /** Restores the idle time-out, for clients that do not read their response. */
  get limitIdle() {
    return () => {
      if (this.#keptOpen) this.#server.timeout(this.request, this.#idleSeconds)
    }
  }

  get cut() {
    return () => this.#server.timeout(this.request, 1)
  }

  get charge() {
    return (quota: Quota, owner: string) => {
      this.account = { quota, owner, request: this.request }
    }
  }

  get upgrade() {
    return (data: unknown, headers?: Record<string, string>) => {
      const handlers = this.handler?.websocket
      if (handlers === undefined) return false
      return this.#server.upgrade(this.request, {
        data: { handlers, data },
        ...(headers !== undefined && { headers })
      })
    }
  }
}
