/** Request routing: Host, Origin and CORS checks, then dispatch to a site or route. */
import { acceptsPage } from "./acceptHeader.ts"
import * as Cors from "./cors.ts"
import { limitBody } from "./bodyLimit.ts"
import * as HostPolicy from "./HostPolicy.ts"
import { isLoopbackHost } from "./hosts.ts"
import type { IncomingRequest } from "./IncomingRequest.ts"
import type { Forward, ListenerOptions } from "./ListenerOptions.ts"
import { instanceHeader } from "../platform/Instance.ts"
import { notFound, reject } from "./responses.ts"
import type { AnyHandler, Routes } from "./Routes.ts"
import type { AnySite, Sites } from "./Sites.ts"

export const pathOf = (url: string): string => {
  // Without a Host the URL is only the path. Otherwise the path starts after scheme and Host, which has at least one
  // character and no slash.
  const start = url.startsWith("/") ? 0 : url.indexOf("/", 8)
  if (start === -1) return "/"
  const query = url.indexOf("?", start)
  const fragment = url.indexOf("#", start)
  const end = query === -1 ? fragment : fragment === -1 ? query : Math.min(query, fragment)
  return end === -1 ? url.slice(start) : url.slice(start, end)
}

type Handled = ReturnType<AnyHandler["fetch"]>

const isUnsupported = ({ method }: Request) => method === "CONNECT" || method === "TRACE"
const rejectMethod = ({ method }: Request) =>
  reject(405, `Method ${method} is not supported.`, { allow: "GET, POST, DELETE, OPTIONS" })

const notLoaded = () =>
  reject(503, "The published applications are not loaded yet. Retry later.", { "retry-after": "1" })

/** Whether the service itself has sent the request: as a client of upstream servers, or as a proxy. */
const isLoop = (headers: Headers, instance: string): boolean =>
  headers.get(instanceHeader) === instance || headers.get("via")?.includes(instance) === true

export interface RoutingOptions {
  readonly listener: ListenerOptions
  readonly routes: Routes["Service"]
  readonly sites: Sites["Service"]
  /** Largest body of a site, in bytes. */
  readonly maxBodyBytes: number
  /** Largest body that Bun accepts, in bytes. */
  readonly acceptedBytes: number
}

/** Dispatches a request to its site or route, or rejects it. Errors of the handler are thrown. */
export const make = ({ acceptedBytes, listener, maxBodyBytes, routes, sites }: RoutingOptions) => {
  const policy = HostPolicy.make(listener)
  /** Bun enforces its own limit, so only lower ones are checked here. */
  const limitOf = (bytes: number) => (bytes < acceptedBytes ? bytes : undefined)
  const routeLimit = limitOf(listener.maxMessageBytes)

  const handle = (
    incoming: IncomingRequest,
    handler: AnyHandler,
    limit: number | undefined,
    forwarded?: ReturnType<Forward>
  ): Handled => {
    incoming.handler = handler
    const limited = limit === undefined ? incoming.request : limitBody(incoming, limit)
    if (limited instanceof Response) return limited
    return forwarded === undefined ? handler.fetch(limited, incoming) : forwarded(limited)
  }

  const toSite = (incoming: IncomingRequest, site: AnySite): Handled => {
    if (isUnsupported(incoming.request)) return rejectMethod(incoming.request)
    incoming.raw = site.raw !== false
    incoming.ofSite = true
    return handle(incoming, site, limitOf(site.maxBodyBytes ?? maxBodyBytes))
  }

  const toRoute = (incoming: IncomingRequest): Handled => {
    const { request } = incoming
    if (isUnsupported(request)) return rejectMethod(request)
    const route = routes.findUnsafe(pathOf(request.url))
    if (route === undefined) return notFound()
    incoming.raw = route.raw === true
    return handle(incoming, route, routeLimit, listener.forward?.(incoming))
  }

  /** Orchestrators probe by IP address, and some load balancers over HTTP/1.0 without a Host. Requests of web pages have an Origin. */
  const isProbe = ({ request }: IncomingRequest, { status }: Response): boolean => {
    const { headers, method } = request
    if ((method !== "GET" && method !== "HEAD") || headers.has("origin")) return false
    const wellFormed = status === 421 || !headers.has("host")
    return wellFormed && routes.findUnsafe(pathOf(request.url))?.anyHost === true
  }

  const allowed = new Set(listener.allowedHosts.map((each) => each.toLowerCase()))
  /** Hosts that no site can have. */
  const isOwn = (host: string) => isLoopbackHost(host) || allowed.has(host.toLowerCase())

  const dispatch = (incoming: IncomingRequest): Handled => {
    const { request } = incoming
    const host = request.headers.get("host")
    const site = sites.findUnsafe(host)
    if (site !== undefined) return toSite(incoming, site)
    const loading = sites.loadingUnsafe()
    if (loading !== undefined && host !== null && !isOwn(host)) {
      return loading.then((isLoaded) => (isLoaded ? dispatch(incoming) : notLoaded()))
    }
    const rejected = policy.host(host)
    if (rejected !== undefined) {
      if (isProbe(incoming, rejected)) return toRoute(incoming)
      const isForBrowser = rejected.status === 421 && acceptsPage(request.headers.get("accept"))
      return isForBrowser ? HostPolicy.notServedPage() : rejected
    }
    const origin = request.headers.get("origin")
    if (origin === null) return toRoute(incoming)
    const verdict = policy.origin(origin, host ?? "", incoming.encrypted)
    if (verdict instanceof Response) return verdict
    if (Cors.isPreflight(request)) {
      return verdict === "listed" ? Cors.preflight(request, origin) : Cors.unlisted(origin)
    }
    if (verdict === "listed") incoming.origin = origin
    return toRoute(incoming)
  }
  return (incoming: IncomingRequest): Handled => {
    if (listener.instance !== undefined && isLoop(incoming.request.headers, listener.instance)) {
      return reject(508, "Loop Detected: this service is its own upstream server. Remove that server.")
    }
    return dispatch(incoming)
  }
}
