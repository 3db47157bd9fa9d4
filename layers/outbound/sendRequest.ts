/** One request and its redirects: each hop is judged, its name looked up, and the connection pinned to what was judged. */
import { Clock, Duration, Effect, type Scope } from "effect"
import type { Dns } from "../platform/Dns.ts"
import * as content from "./responseBody.ts"
import { CookieJar } from "./CookieJar.ts"
import { OutboundError, refused, type Reason } from "./OutboundError.ts"
import type { OutboundRequest, OutboundResponse } from "./OutboundRequest.ts"
import type { Settings } from "./section.ts"
import * as target from "./target.ts"

/** What a request needs, besides what was asked. */
export interface SendOptions {
  readonly settings: Settings
  readonly dns: Dns["Service"]
  /** PEM; certificates that are trusted besides the system's. */
  readonly ca?: string
}

interface Hop {
  readonly url: string | URL
  readonly base?: URL
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
}

/** Addresses that are tried, one after another, when nobody listens at the first. */
const mostAddresses = 4

/** Said by this client alone: they decide whom a message is for, where it ends, and how it is packed. */
const ours = ["host", "connection", "content-length", "transfer-encoding", "te", "upgrade", "accept-encoding"]
/** Meant for the origin that the caller named, and no other. */
const secrets = ["authorization", "cookie", "proxy-authorization"]
const ofBody = ["content-type", "content-encoding", "content-language", "content-location"]

const toHeaders = (request: OutboundRequest, settings: Settings) =>
  Effect.try({
    try: () => {
      const headers = new Headers(request.headers)
      for (const name of ours) headers.delete(name)
      if (!headers.has("user-agent")) headers.set("user-agent", settings.user_agent)
      headers.set("accept-encoding", content.accepted)
      return headers
    },
    catch: () => refused("header", "a header has a name or value that HTTP does not allow")
  })

const messages = {
  connect: "nobody answers there",
  tls: "the server could not prove who it is, or does not speak TLS",
  response: "the server answered something that is not valid HTTP"
} as const satisfies Partial<Record<Reason, string>>

const unreached = /^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|ETIMEDOUT|ENETDOWN|EACCES|EPERM)$/
const hungUp = /^(?:ECONNRESET|EPIPE|ECONNABORTED)$/
const untrusted = /CERT|TLS|SSL|EPROTO|ISSUER|SIGNATURE|CRL|SELF_SIGNED/i

/** From what `fetch` throws; it names nothing that the caller did not name. */
const toError = (host: string) => (cause: unknown) => {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : ""
  const reason =
    unreached.test(code) || hungUp.test(code) ? "connect" : untrusted.test(code) ? "tls" : "response"
  const message = hungUp.test(code) ? "the server hung up before it answered" : messages[reason]
  return {
    error: new OutboundError({ reason, detail: `${host}: ${message}${code === "" ? "" : ` (${code})`}` }),
    /** Nothing was sent, so that another address may be tried. */
    unsent: unreached.test(code)
  }
}

const pinned = (url: URL, address: string) => {
  const to = new URL(url)
  to.hostname = address.includes(":") ? `[${address}]` : address
  return to
}

/** Sends the hop to one address. What Bun would take from the environment, proxies and trust, is said here instead. */
const send = (hop: Hop, to: target.Target, address: string, ca: string | undefined) =>
  Effect.gen(function* () {
    const controller = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (abort) => Effect.sync(() => abort.abort())
    )
    const headers = new Headers(hop.headers)
    headers.set("host", to.url.host)
    const response = yield* Effect.tryPromise({
      try: (interrupted) =>
        fetch(pinned(to.url, address), {
          method: hop.method,
          headers,
          ...(hop.body !== undefined && { body: hop.body }),
          redirect: "manual",
          signal: AbortSignal.any([controller.signal, interrupted]),
          decompress: false,
          // A connection in a pool is known by its address, and not by whom its certificate was checked for.
          keepalive: false,
          protocol: "http1.1",
          proxy: false,
          tls: {
            rejectUnauthorized: true,
            ...(!to.literal && { serverName: to.name }),
            ...(ca !== undefined && { ca })
          }
        }),
      catch: toError(to.url.host)
    })
    return { response, hangUp: Effect.sync(() => controller.abort()) }
  })

/** The first address where somebody listens. */
const connect = (hop: Hop, to: target.Target, addresses: ReadonlyArray<string>, ca: string | undefined) => {
  const from = (index: number): ReturnType<typeof send> =>
    Effect.catchIf(
      send(hop, to, addresses[index] ?? "", ca),
      ({ unsent }) => unsent && index + 1 < Math.min(addresses.length, mostAddresses),
      () => from(index + 1)
    )
  return Effect.mapError(from(0), ({ error }) => error)
}

/** Raw bytes of a `Location`, which arrive as Latin-1, percent-encoded one by one, as browsers send them on. */
const encodedLocation = (location: string) =>
  location.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** The request that a redirect asks for (Fetch standard, section 4.4, "HTTP-redirect fetch"). */
const follow = (hop: Hop, from: URL, status: number, location: string): Hop => {
  const headers = new Headers(hop.headers)
  const asGet =
    (status === 303 && hop.method !== "HEAD") || ((status === 301 || status === 302) && hop.method === "POST")
  if (asGet) for (const name of ofBody) headers.delete(name)
  if (URL.parse(location, from.href)?.origin !== from.origin) for (const name of secrets) headers.delete(name)
  return {
    url: location,
    base: from,
    headers,
    method: asGet ? "GET" : hop.method,
    ...(!asGet && { body: hop.body })
  }
}

/** The hop with cookies that an earlier redirect set, unless the caller sends its own. */
const withCookies = (hop: Hop, cookies: string | undefined): Hop => {
  if (cookies === undefined || hop.headers.has("cookie")) return hop
  const headers = new Headers(hop.headers)
  headers.set("cookie", cookies)
  return { ...hop, headers }
}

/** The connection stays open as long as the scope. */
export const sendRequest = Effect.fnUntraced(function* (
  request: OutboundRequest,
  { ca, dns, settings }: SendOptions
): Effect.fn.Return<OutboundResponse, OutboundError, Scope.Scope> {
  const timeout = Duration.toMillis(request.timeout ?? settings.timeout)
  const mostRedirects = request.maxRedirects ?? settings.max_redirects
  const end = (yield* Clock.currentTimeMillis) + timeout
  const within = <A, R>(self: Effect.Effect<A, OutboundError, R>) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      Effect.timeoutOrElse(self, {
        duration: Math.max(0, end - now),
        orElse: () =>
          Effect.fail(new OutboundError({ reason: "timeout", detail: `it took longer than ${timeout} ms` }))
      })
    )
  const tell = request.onStep ?? (() => Effect.void)

  const resolve = ({ literal, name }: target.Target) =>
    literal
      ? Effect.succeed([name])
      : Effect.mapError(
          dns.lookup(name),
          (error) => new OutboundError({ reason: "dns", detail: error.message })
        )

  let hop: Hop = {
    url: request.url,
    method: request.method ?? "GET",
    headers: yield* toHeaders(request, settings),
    body: request.body
  }
  const jar = request.keepCookies === true ? new CookieJar() : undefined
  for (let hops = 0; ; hops++) {
    const to = yield* target.parse(hop.url, hop.base, settings)
    yield* tell("resolve", to.url)
    const addresses = yield* within(resolve(to))
    yield* target.admit(to, addresses, settings)
    if (request.admit !== undefined) yield* within(request.admit(to.url))
    yield* tell("connect", to.url)
    const { hangUp, response } = yield* within(
      connect(withCookies(hop, jar?.header(to.url)), to, addresses, ca)
    )
    const location = redirects.has(response.status) ? response.headers.get("location") : null
    if (location !== null) jar?.store(to.url, response.headers.getSetCookie())
    if (location === null || mostRedirects === 0) {
      const maxBytes = request.maxBytes ?? settings.max_bytes
      return {
        url: to.url.href,
        status: response.status,
        headers: response.headers,
        ...content.make(response, { maxBytes, within })
      }
    }
    yield* hangUp
    if (hops === mostRedirects) {
      return yield* new OutboundError({
        reason: "too_many_redirects",
        detail: `more than ${mostRedirects} redirects; the last one leads to ${location.slice(0, 200)} (outbound.max_redirects)`
      })
    }
    hop = follow(hop, to.url, response.status, encodedLocation(location))
  }
})
