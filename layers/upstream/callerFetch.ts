/** A `fetch` for URLs that callers name: addresses are checked before each request, and redirects are not followed. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { Effect } from "effect"
import { checkedAddress, checkedAddresses } from "../outbound/checkedAddress.ts"
import { OutboundError } from "../outbound/OutboundError.ts"
import { decodedBody } from "../outbound/responseBody.ts"
import { codeOf, isUnreachable, makeAddressChoice, pinnedTls, pinnedUrl } from "../outbound/pinnedAddress.ts"
import type { Settings } from "../outbound/section.ts"
import { portOf, type Target } from "../outbound/target.ts"
import type { Dns } from "../platform/Dns.ts"
import { Http1Client, type Http1Request } from "../platform/http1/Http1Client.ts"
import { instanceHeader } from "../platform/Instance.ts"

export interface CallerFetchOptions {
  readonly dns: Dns["Service"]
  /** Section `outbound`. */
  readonly settings: Settings
  /** Whether loopback and private addresses may be reached. Link-local and metadata addresses never are. */
  readonly allowPrivate: boolean
  /** Largest body of JSON or of an error, and longest line of an event stream, in bytes. */
  readonly maxBytes: number
  /** Whether the reader limits the events of a stream, instead of an error at a line that is too long. Default: false. */
  readonly passesEvents?: boolean
  /** Id of this service, which rejects its own requests. */
  readonly instance?: string | undefined
}

const newline = 0x0a

type Limit = Pick<CallerFetchOptions, "maxBytes" | "passesEvents">

type Head = Pick<Response, "headers" | "status">

/** The body of an error is read as a whole, whatever its type. */
const isStream = ({ headers, status }: Head) =>
  status < 300 && headers.get("content-type")?.startsWith("text/event-stream") === true

const pass = () => {}

/** Throws when the body, or one line of an event stream, exceeds `maxBytes`. */
const sizeCheck = (head: Head, { maxBytes, passesEvents }: Limit) => {
  const stream = isStream(head)
  if (stream && passesEvents === true) return pass
  let size = 0
  return (chunk: Uint8Array) => {
    const end = stream ? chunk.lastIndexOf(newline) : -1
    size = end < 0 ? size + chunk.byteLength : chunk.byteLength - end
    if (size <= maxBytes) return
    const detail = `the server sent a message of more than ${maxBytes} bytes`
    throw new OutboundError({ reason: "body", detail })
  }
}

const limited = (response: Response, body: ReadableStream<Uint8Array<ArrayBuffer>>, limit: Limit) => {
  const { headers, status, statusText } = response
  const check = sizeCheck(response, limit)
  const checked = body.pipeThrough(
    new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform: (chunk, controller) => {
        check(chunk)
        controller.enqueue(chunk)
      }
    })
  )
  return new Response(checked, { headers, status, statusText })
}

/** The path and query of a URL without a fragment. */
const targetOf = ({ pathname, search }: URL) => pathname + search

/** For all `callerFetch`, like the connections of the runtime's `fetch`. */
const connections = new Http1Client()

/** Checks whether the URL may be requested now. */
export const check = (url: string, options: CallerFetchOptions) =>
  Effect.asVoid(checkedAddresses(url, options))

/** How long a checked address is used, in milliseconds; requests go to that address meanwhile. */
const checkedFor = 10_000
/** Checked URLs that one `fetch` remembers. */
const maxChecked = 16

/** Where to send requests for a URL: the checked address, and the headers and TLS options that requests to it have. */
export interface Route {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Of `https`. */
  readonly tls?: ReturnType<typeof pinnedTls>
  /** Of `http`. */
  readonly plain?: Pick<Http1Request, "host" | "hostname" | "port" | "target">
}

/** `checkedAddress` with a memory: a look-up for each request would cost more than a short call. */
const router = (options: CallerFetchOptions) => {
  const choice = makeAddressChoice()
  const checked = new Map<string, { readonly until: number; readonly route: Route; readonly to: Target }>()
  const find = async (key: string): Promise<Route> => {
    const { address, to } = await Effect.runPromise(checkedAddress(key, options, choice))
    const { instance } = options
    const headers = { host: to.url.host, ...(instance !== undefined && { [instanceHeader]: instance }) }
    const route = {
      url: pinnedUrl(to.url, address).href,
      headers,
      ...(to.url.protocol === "https:" && { tls: pinnedTls(to) }),
      ...(to.url.protocol === "http:" && {
        plain: {
          host: to.url.host,
          hostname: address,
          port: portOf(to.url),
          target: targetOf(to.url)
        }
      })
    }
    if (checked.size >= maxChecked) checked.clear()
    checked.set(key, { until: performance.now() + checkedFor, route, to })
    return route
  }
  return {
    route: (url: string | URL): Route | Promise<Route> => {
      const key = String(url)
      const known = checked.get(key)
      return known !== undefined && known.until > performance.now() ? known.route : find(key)
    },
    /** Another route, for one whose address accepts no connection. */
    replace: async (url: string | URL, failed: Route): Promise<Route | undefined> => {
      const key = String(url)
      const known = checked.get(key)
      if (known === undefined || known.to.literal) return undefined
      if (known.route === failed) {
        checked.delete(key)
        choice.forget(known.to.name, portOf(known.to.url))
      }
      const other = await find(key)
      return other.url === failed.url ? undefined : other
    }
  }
}

type Given = RequestInit["headers"]

const withHeaders = (
  headers: Given,
  own: Readonly<Record<string, string>>
): Headers | Record<string, string> => {
  if (headers === undefined || headers instanceof Headers || Array.isArray(headers)) {
    const copy = new Headers(headers)
    for (const [name, value] of Object.entries(own)) copy.set(name, value)
    return copy
  }
  return { ...(headers as Record<string, string>), ...own }
}

/** A request whose body needs no encoding. */
interface PlainRequest {
  readonly body: string | Uint8Array | undefined
  readonly init: RequestInit | undefined
}

export interface CallerFetch extends FetchLike {
  /** Checks the URL, for a connection that `fetch` cannot make. */
  readonly route: (url: string | URL) => Route | Promise<Route>
}

export const callerFetch = (options: CallerFetchOptions): CallerFetch => {
  const routes = router(options)
  const { maxBytes } = options
  const sendByFetch = async (route: Route, init: RequestInit | undefined): Promise<Response> => {
    const response = await fetch(route.url, {
      ...init,
      headers: withHeaders(init?.headers, route.headers),
      redirect: "manual",
      proxy: false,
      timeout: false,
      ...(route.tls !== undefined && { tls: route.tls })
    } as RequestInit)
    const { body, headers } = response
    if (body === null) return response
    const stream = isStream(response)
    if (stream && options.passesEvents === true) return response
    const length = Number(headers.get("content-length") ?? Number.NaN)
    const plain = headers.get("content-encoding") === null
    return !stream && plain && length <= maxBytes ? response : limited(response, body, options)
  }
  const sendPlainly = async (
    route: Route,
    plain: NonNullable<Route["plain"]>,
    { body, init }: PlainRequest
  ): Promise<Response> => {
    const { method = "GET", signal } = init ?? {}
    const headers = withHeaders(init?.headers, { ...route.headers, "accept-encoding": "identity" })
    const response = await connections.request({
      ...plain,
      method,
      headers: headers instanceof Headers ? headers : Object.entries(headers),
      body,
      signal: signal ?? undefined,
      checkOf: (head) => sizeCheck(head, options)
    })
    const encoding = response.headers.get("content-encoding")
    if (encoding === null || response.body === null) return response
    const { body: encoded } = response
    const decoded = await Effect.runPromise(decodedBody(encoded, encoding)).catch(async (cause: unknown) => {
      await encoded.cancel()
      throw cause
    })
    return limited(response, decoded, options)
  }
  const send = (route: Route, init: RequestInit | undefined) => {
    const body = init?.body ?? undefined
    const isPlain = body === undefined || typeof body === "string" || body instanceof Uint8Array
    return route.plain !== undefined && isPlain
      ? sendPlainly(route, route.plain, { body, init })
      : sendByFetch(route, init)
  }
  const request: FetchLike = async (url, init) => {
    const known = routes.route(url)
    const route = known instanceof Promise ? await known : known
    return send(route, init).catch(async (cause: unknown) => {
      if (!isUnreachable(codeOf(cause)) || init?.signal?.aborted === true) throw cause
      const other = await routes.replace(url, route)
      if (other === undefined) throw cause
      return send(other, init)
    })
  }
  return Object.assign(request, { route: routes.route })
}
