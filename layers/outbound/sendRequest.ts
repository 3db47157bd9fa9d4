/** Sends one request and follows redirects: each hop is checked and its connection pinned to a checked address. */
import { Duration, Effect, type Scope } from "effect"
import type { Dns } from "../platform/Dns.ts"
import * as content from "./responseBody.ts"
import { CookieJar } from "./CookieJar.ts"
import { OutboundError, refused, type Reason } from "./OutboundError.ts"
import type { OutboundRequest, OutboundResponse } from "./OutboundRequest.ts"
import { codeOf, isUnreachable, pinnedTls, pinnedUrl } from "./pinnedAddress.ts"
import type { Settings } from "./section.ts"
import * as target from "./target.ts"
import { monotonicNow } from "../platform/monotonic.ts"

/** Settings and services of a request. */
export interface SendOptions {
  readonly settings: Settings
  readonly dns: Dns["Service"]
  /** Trusted certificates (PEM) in place of the system's. */
  readonly ca?: string
}

interface Hop {
  readonly url: string | URL
  readonly base?: URL
  readonly method: string
  readonly headers: Headers
  readonly body?: string | Uint8Array<ArrayBuffer> | undefined
}

/** Maximum addresses to try, one after another, while connections fail. */
const mostAddresses = 4

/** Headers that only this client sets: host, framing and encoding. */
const clientHeaders = [
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "te",
  "upgrade",
  "accept-encoding"
]
/** Credentials, removed on redirects to another origin. */
const credentialHeaders = ["authorization", "cookie", "proxy-authorization"]
const bodyHeaders = ["content-type", "content-encoding", "content-language", "content-location"]

const toHeaders = (request: OutboundRequest, settings: Settings) =>
  Effect.try({
    try: () => {
      const headers = new Headers(request.headers)
      for (const name of clientHeaders) headers.delete(name)
      if (!headers.has("user-agent")) headers.set("user-agent", settings.user_agent)
      headers.set("accept-encoding", content.accepted)
      return headers
    },
    catch: () => refused("header", "invalid header name or value")
  })

const messages = {
  connect: "connection failed",
  tls: "invalid certificate or TLS handshake failed",
  response: "the response is not valid HTTP"
} as const satisfies Partial<Record<Reason, string>>

const connectionReset = /^(?:ECONNRESET|EPIPE|ECONNABORTED)$/
const untrusted = /CERT|TLS|SSL|EPROTO|ISSUER|SIGNATURE|CRL|SELF_SIGNED/i

/** Maps errors of `fetch`; the message reveals nothing that the caller did not name. */
const toError = (host: string) => (cause: unknown) => {
  const code = codeOf(cause)
  const reason =
    isUnreachable(code) || connectionReset.test(code) ? "connect" : untrusted.test(code) ? "tls" : "response"
  const message = connectionReset.test(code) ? "connection closed before a response" : messages[reason]
  return {
    error: new OutboundError({ reason, detail: `${host}: ${message}${code === "" ? "" : ` (${code})`}` }),
    /** Nothing was sent, so another address may be tried. */
    unsent: isUnreachable(code)
  }
}

/** Sends the hop to one address. Proxy and TLS options are explicit, so that Bun ignores the environment. */
const send = (hop: Hop, to: target.Target, address: string, ca: string | undefined) =>
  Effect.gen(function* () {
    const controller = yield* Effect.acquireRelease(
      Effect.sync(() => new AbortController()),
      (made) => Effect.sync(() => made.abort())
    )
    const headers = new Headers(hop.headers)
    headers.set("host", to.url.host)
    const response = yield* Effect.tryPromise({
      try: (interrupted) =>
        fetch(pinnedUrl(to.url, address), {
          method: hop.method,
          headers,
          ...(hop.body !== undefined && { body: hop.body }),
          redirect: "manual",
          signal: AbortSignal.any([controller.signal, interrupted]),
          decompress: false,
          // Hosts of callers are many, and requested once.
          keepalive: false,
          protocol: "http1.1",
          proxy: false,
          tls: { ...pinnedTls(to), ...(ca !== undefined && { ca }) }
        }),
      catch: toError(to.url.host)
    })
    return { response, abort: Effect.sync(() => controller.abort()) }
  })

/** Connects to the first reachable address. */
const connect = (hop: Hop, to: target.Target, addresses: ReadonlyArray<string>, ca: string | undefined) => {
  const from = (index: number): ReturnType<typeof send> =>
    Effect.catchIf(
      send(hop, to, addresses[index] ?? "", ca),
      ({ unsent }) => unsent && index + 1 < Math.min(addresses.length, mostAddresses),
      () => from(index + 1)
    )
  return Effect.mapError(from(0), ({ error }) => error)
}

/** Percent-encodes raw bytes of a `Location` (received as Latin-1), as browsers do. */
const encodedLocation = (location: string) =>
  location.replace(/[\u0080-\u00ff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`)

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** The request after a redirect (Fetch standard, section 4.4, "HTTP-redirect fetch"). */
const follow = (hop: Hop, from: URL, status: number, location: string): Hop => {
  const headers = new Headers(hop.headers)
  const asGet =
    (status === 303 && hop.method !== "HEAD") || ((status === 301 || status === 302) && hop.method === "POST")
  if (asGet) for (const name of bodyHeaders) headers.delete(name)
  if (URL.parse(location, from.href)?.origin !== from.origin)
    for (const name of credentialHeaders) headers.delete(name)
  return {
    url: location,
    base: from,
    headers,
    method: asGet ? "GET" : hop.method,
    ...(!asGet && { body: hop.body })
  }
}

/** Adds cookies of earlier redirects, unless the caller sends its own. */
const withCookies = (hop: Hop, cookies: string | undefined): Hop => {
  if (cookies === undefined || hop.headers.has("cookie")) return hop
  const headers = new Headers(hop.headers)
  headers.set("cookie", cookies)
  return { ...hop, headers }
}

/** The connection stays open until the scope closes. */
export const sendRequest = Effect.fnUntraced(function* (
  request: OutboundRequest,
  { ca, dns, settings }: SendOptions
): Effect.fn.Return<OutboundResponse, OutboundError, Scope.Scope> {
  const timeout = Duration.toMillis(request.timeout ?? settings.timeout)
  const mostRedirects = request.maxRedirects ?? settings.max_redirects
  const end = (yield* monotonicNow) + timeout
  const within = <A, R>(self: Effect.Effect<A, OutboundError, R>) =>
    Effect.flatMap(monotonicNow, (now) =>
      Effect.timeoutOrElse(self, {
        duration: Math.max(0, end - now),
        orElse: () =>
          Effect.fail(new OutboundError({ reason: "timeout", detail: `time limit of ${timeout} ms reached` }))
      })
    )
  const onStep = request.onStep ?? (() => Effect.void)

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
    yield* onStep("resolve", to.url)
    const addresses = yield* within(resolve(to))
    yield* target.admit(to, addresses, settings)
    if (request.admit !== undefined) yield* within(request.admit(to.url))
    yield* onStep("connect", to.url)
    const { abort, response } = yield* within(
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
    yield* abort
    if (hops === mostRedirects) {
      return yield* new OutboundError({
        reason: "too_many_redirects",
        detail: `more than ${mostRedirects} redirects, the last one to ${location.slice(0, 200)} (outbound.max_redirects)`
      })
    }
    hop = follow(hop, to.url, response.status, encodedLocation(location))
  }
})
