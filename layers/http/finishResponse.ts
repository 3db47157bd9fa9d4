/** Finishes responses: request id, CORS, security headers, compression, and the observer's count. */
import * as Compression from "./compression.ts"
import * as Cors from "./cors.ts"
import type { IncomingRequest } from "./IncomingRequest.ts"
import type { ListenerOptions } from "./ListenerOptions.ts"
import { isLoopbackHost } from "./hosts.ts"
import { secure, transportSecurityOf } from "./responseHeaders.ts"

/** Larger unread bodies, in bytes, are not read and discarded. */
const maxDiscarded = 64 * 1024

/**
 * Whether the handler left a body unread. Over HTTP/2, a response before its end results in RST_STREAM(NO_ERROR)
 * (RFC 9113, section 8.1), for which older clients, curl 7.88 among them, discard the response.
 */
const isUnread = (request: Request): boolean => {
  if (request.method === "GET" || request.bodyUsed) return false
  const length = Number(request.headers.get("content-length"))
  return length > 0 && length <= maxDiscarded
}

export interface FinishingOptions {
  readonly listener: ListenerOptions
  /** Whether the listener is stopping, so that clients should reconnect elsewhere. */
  readonly isStopping: () => boolean
  /** The response for an error that a handler or its stream threw. */
  readonly failed: (incoming: IncomingRequest, cause: unknown) => Response
}

export const make = ({ failed, isStopping, listener }: FinishingOptions) => {
  const { observer, tls } = listener
  const transportSecurity = transportSecurityOf(listener)
  const isPerHost = listener.transportSecurity !== undefined
  const addSecurityHeaders = secure(isPerHost ? undefined : transportSecurity)
  /** Sites may set another value. */
  const addTransportSecurity = ({ request }: IncomingRequest, headers: Headers) => {
    if (transportSecurity === undefined || headers.has("strict-transport-security")) return
    if (!isLoopbackHost(request.headers.get("host") ?? ""))
      headers.set("strict-transport-security", transportSecurity)
  }

  const completeChallenge = (incoming: IncomingRequest, headers: Headers) => {
    const given = headers.get("www-authenticate")
    if (given === null || listener.challenge === undefined) return
    headers.set("www-authenticate", listener.challenge(given, incoming.request, incoming))
  }

  const count = (incoming: IncomingRequest, status: number) =>
    observer?.answered(incoming.request.method, status, (Bun.nanoseconds() - incoming.began) / 1e6)

  /** After compression, which makes a new response. */
  const addHeaders = (incoming: IncomingRequest, response: Response): Response => {
    const { origin, raw, request } = incoming
    const { headers } = response
    headers.set("x-request-id", incoming.requestId)
    if (origin !== undefined) Cors.share(headers, origin)
    if (isStopping() || incoming.exceeded !== undefined) headers.set("connection", "close")
    if (!incoming.ofSite && (response.status === 401 || response.status === 403))
      completeChallenge(incoming, headers)
    if (!raw) addSecurityHeaders(request.method, headers)
    if (isPerHost) addTransportSecurity(incoming, headers)
    count(incoming, response.status)
    // Streams may be silent for long, and detect slow readers themselves; so do sites.
    if (!incoming.ofSite && headers.get("content-type")?.startsWith("application/json") === true)
      incoming.limitIdle()
    return response
  }

  const finish = (incoming: IncomingRequest, response: Response | undefined) => {
    if (response === undefined) {
      count(incoming, 101)
      return undefined
    }
    const final = incoming.raw ? response : Compression.apply(incoming.request, response, incoming.account)
    if (final instanceof Promise) {
      return final.then(
        (whole) => addHeaders(incoming, whole),
        (cause) => addHeaders(incoming, failed(incoming, cause))
      )
    }
    return addHeaders(incoming, final)
  }

  /** `undefined`: the connection became a WebSocket. */
  return (incoming: IncomingRequest, response: Response | undefined) => {
    if (tls === undefined || !isUnread(incoming.request)) return finish(incoming, response)
    const discarded = () => finish(incoming, response)
    return incoming.request.arrayBuffer().then(discarded, discarded)
  }
}
