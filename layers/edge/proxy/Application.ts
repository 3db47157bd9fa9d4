/** A published application as the proxy uses it: its entry with all defaults, and its circuit and load. */
import { Duration } from "effect"
import { isAddress } from "../../outbound/addressScope.ts"
import { pinnedTls, pinnedUrl } from "../../outbound/pinnedAddress.ts"
import { portOf } from "../../outbound/target.ts"
import type { ProxyRow } from "../proxies/proxyRows.ts"
import type { EdgeSettings } from "../section.ts"
import { Circuit } from "./Circuit.ts"
import { cgiName } from "./proxyHeaders.ts"

export class Application {
  readonly hostname: string
  /** Scheme, host and port, in the form of redirects of the target. */
  readonly origin: string
  /** Put before the path of each request; without a slash at its end. */
  readonly path: string
  /** Host header of the target. */
  readonly host: string
  /** Host name of the target, to be resolved. */
  readonly name: string
  readonly port: number
  /** For targets over HTTPS. */
  readonly tls: ReturnType<typeof pinnedTls> | undefined
  readonly protect: string | undefined
  readonly #setHeaders: ReadonlyArray<readonly [string, string]>
  /** Names that clients cannot set, as CGI sees them. */
  readonly #reserved: ReadonlySet<string>
  readonly preserveHost: boolean
  readonly websocket: boolean
  /** Milliseconds. */
  readonly responseTimeout: number
  readonly idleTimeout: number
  /** Milliseconds in which a part of a request body must arrive. */
  bodyTimeout = 0
  readonly maxBodyBytes: number
  maxRequests = 0
  readonly circuit = new Circuit()
  readonly #options: ProxyRow["options"]
  #at: { readonly address: string; readonly origin: string } | undefined
  /** Requests and WebSockets now. */
  running = 0

  constructor({ hostname, options, target_url }: ProxyRow, settings: EdgeSettings) {
    const url = new URL(target_url)
    this.hostname = hostname
    this.origin = url.origin
    this.path = url.pathname.replace(/\/+$/, "")
    this.host = url.host
    this.name = url.hostname.replace(/^\[|\]$|\.$/g, "")
    this.port = portOf(url)
    this.tls =
      url.protocol === "https:" ? pinnedTls({ name: this.name, literal: isAddress(this.name) }) : undefined
    this.protect = options.protect
    this.#setHeaders = Object.entries(options.set_headers ?? {})
    const names = [...this.#setHeaders.map(([name]) => name), ...(options.remove_headers ?? [])]
    this.#reserved = new Set(names.map(cgiName))
    this.preserveHost = options.preserve_host ?? true
    this.websocket = options.websocket ?? true
    this.responseTimeout = 1000 * (options.response_timeout ?? 60)
    this.idleTimeout = 1000 * (options.idle_timeout ?? 300)
    this.#options = options
    this.maxBodyBytes = Math.min(options.max_body_bytes ?? Infinity, settings.max_body_bytes)
    this.limit(settings)
  }

  /** Sets and removes headers of a request, also those that many applications cannot distinguish from them. */
  editHeaders(headers: Record<string, string>) {
    if (this.#reserved.size === 0) return
    for (const name in headers) if (this.#reserved.has(cgiName(name))) delete headers[name]
    for (const [name, value] of this.#setHeaders) headers[name] = value
  }

  /** Scheme, address and port, to connect to. */
  at(address: string): string {
    if (this.#at?.address !== address) {
      this.#at = { address, origin: pinnedUrl(new URL(this.origin), address).origin }
    }
    return this.#at.origin
  }

  /** Applies limits of the configuration, also to a published application whose requests are running. */
  limit(settings: EdgeSettings) {
    this.bodyTimeout = Duration.toMillis(settings.body_timeout)
    this.maxRequests = this.#options.max_requests ?? settings.max_requests_per_host
  }
}
