/** A `fetch` for URLs that callers name: addresses are checked before each request, and redirects are not followed. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Effect } from "effect"
import { OutboundError } from "../outbound/OutboundError.ts"
import type { Settings } from "../outbound/section.ts"
import * as target from "../outbound/target.ts"
import type { Dns } from "../platform/Dns.ts"
import { instanceHeader } from "../platform/Instance.ts"

export interface CallerFetchOptions {
  readonly dns: Dns["Service"]
  /** Section `outbound`. */
  readonly settings: Settings
  /** Whether loopback and private addresses may be reached. Link-local and metadata addresses never are. */
  readonly allowPrivate: boolean
  /** Largest JSON body, and largest event of a stream, in bytes. */
  readonly maxBytes: number
  /** Id of this service, which rejects its own requests. */
  readonly instance?: string | undefined
}

const newline = 0x0a

/** Fails when the body, or one line of an event stream, exceeds `maxBytes`. */
const limited = (body: ReadableStream<Uint8Array>, maxBytes: number, stream: boolean) => {
  let size = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const end = stream ? chunk.lastIndexOf(newline) : -1
        size = end < 0 ? size + chunk.byteLength : chunk.byteLength - end
        if (size <= maxBytes) return controller.enqueue(chunk)
        const detail = `the server sent a message of more than ${maxBytes} bytes`
        controller.error(new OutboundError({ reason: "body", detail }))
      }
    })
  )
}

/**
 * The URL to request. Plain HTTP goes to the address that was checked, so that a second look-up cannot return another address
 * (DNS rebinding); over TLS the certificate proves the name.
 */
const pinned = ({ literal, url }: target.Target, address: string): URL => {
  if (literal || url.protocol === "https:") return url
  const to = new URL(url)
  to.hostname = address.includes(":") ? `[${address}]` : address
  return to
}

const resolve = Effect.fnUntraced(function* (
  url: string | URL,
  { allowPrivate, dns, settings }: CallerFetchOptions
) {
  const parsed = URL.parse(String(url))
  const allowed = allowPrivate && parsed !== null ? [parsed.host, parsed.hostname] : []
  const allow_hosts = [...settings.allow_hosts, ...allowed]
  const to = yield* target.parse(url, undefined, { ...settings, allow_hosts })
  const addresses = to.literal
    ? [to.name]
    : yield* Effect.mapError(
        dns.lookup(to.name),
        (error) => new OutboundError({ reason: "dns", detail: error.message })
      )
  yield* target.admit(to, addresses, { ...settings, allow_hosts })
  return { to, address: addresses[0] ?? to.name }
})

/** Checks whether the URL may be requested now. */
export const check = (url: string, options: CallerFetchOptions) => Effect.asVoid(resolve(url, options))

/** How long a checked address is used, in milliseconds; requests go to that address meanwhile. */
const checkedFor = 10_000
/** Checked URLs that one `fetch` remembers. */
const maxChecked = 16

/** Where to send requests for a URL: the checked address, and the headers that requests to it have. */
export interface Route {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
}

/** `resolve` with a memory: a look-up for each request would cost more than a short call. */
const router = (options: CallerFetchOptions) => {
  const checked = new Map<string, { readonly until: number; readonly route: Route }>()
  const find = async (key: string): Promise<Route> => {
    const { address, to } = await Effect.runPromise(resolve(key, options))
    const { instance } = options
    const headers = { host: to.url.host, ...(instance !== undefined && { [instanceHeader]: instance }) }
    const route = { url: pinned(to, address).href, headers }
    if (checked.size >= maxChecked) checked.clear()
    checked.set(key, { until: performance.now() + checkedFor, route })
    return route
  }
  return (url: string | URL): Route | Promise<Route> => {
    const key = String(url)
    const known = checked.get(key)
    return known !== undefined && known.until > performance.now() ? known.route : find(key)
  }
}

const withHeaders = (
  headers: RequestInit["headers"],
  own: Readonly<Record<string, string>>
): RequestInit["headers"] => {
  if (headers === undefined || headers instanceof Headers || Array.isArray(headers)) {
    const copy = new Headers(headers)
    for (const [name, value] of Object.entries(own)) copy.set(name, value)
    return copy
  }
  return { ...headers, ...own }
}

export interface CallerFetch extends FetchLike {
  /** Checks the URL, for a connection that `fetch` cannot make. */
  readonly route: (url: string | URL) => Route | Promise<Route>
}

export const callerFetch = (options: CallerFetchOptions): CallerFetch => {
  const routeOf = router(options)
  const request: FetchLike = async (url, init) => {
    const known = routeOf(url)
    const route = known instanceof Promise ? await known : known
    const response = await fetch(route.url, {
      ...init,
      headers: withHeaders(init?.headers, route.headers),
      redirect: "manual",
      proxy: false,
      timeout: false,
      // Without TLS it would only cost time: half of that which `fetch` takes.
      ...(route.url.startsWith("https:") && { tls: { rejectUnauthorized: true } })
    } as RequestInit)
    const { body, status, statusText } = response
    if (body === null) return response
    const stream = response.headers.get("content-type")?.startsWith("text/event-stream") === true
    const length = Number(response.headers.get("content-length") ?? Number.NaN)
    const plain = response.headers.get("content-encoding") === null
    if (!stream && plain && length <= options.maxBytes) return response
    return new Response(limited(body, options.maxBytes, stream), {
      headers: response.headers,
      status,
      statusText
    })
  }
  return Object.assign(request, { route: routeOf })
}
