/** Serves requests for published applications: limits, protection, circuit, then the request or WebSocket is forwarded. */
import * as fixedWindows from "../../guard/fixedWindows.ts"
import { clientAddress } from "../../http/clientAddress.ts"
import { networkOf } from "../../identity/AttemptLimit.ts"
import { pathOf } from "../../http/requestRouting.ts"
import type { Connection } from "../../http/Routes.ts"
import type { EdgeSettings } from "../section.ts"
import type { Access } from "./accessLog.ts"
import type { Application } from "./Application.ts"
import type { Bridge } from "./Bridge.ts"
import { edgeError } from "./errorPages.ts"
import type { Exchanges } from "./Exchanges.ts"
import { makeForwardRequest, type Admitted } from "./forwardRequest.ts"
import { makeForwardWebSocket } from "./forwardWebSocket.ts"
import { requestHeaders } from "./proxyHeaders.ts"
import type { Identified, Protection } from "./protection.ts"
import type { TargetCheck, TargetVerdict } from "./TargetCheck.ts"

/** Applications and addresses whose requests per minute are counted; beyond that, the idlest is evicted. */
const maxCounted = 50_000
const minute = 60_000

export interface ServingOptions {
  readonly exchanges: Exchanges
  /** The settings in force: a reload changes them. */
  readonly settings: () => EdgeSettings
  readonly trustedProxies: ReadonlyArray<string>
  readonly maxMessageBytes: number
  /** In `Via` of requests to targets, which makes loops visible. */
  readonly pseudonym: string
  readonly targets: TargetCheck
  readonly protect: Protection
  readonly record: (access: Access) => void
}

const isWebSocket = ({ headers, method }: Request) =>
  method === "GET" && headers.get("upgrade")?.toLowerCase() === "websocket"

/** As browsers write it: in lower case, without the default port. */
const originOf = (scheme: string, { headers }: Request): string => {
  const text = `${scheme}://${headers.get("host")}`
  return URL.parse(text)?.origin ?? text
}

/** About a request, for the access log. */
interface Facts {
  readonly client: string
  readonly identified: Identified | undefined
  readonly began: number
}

const rejectionOf = (request: Request, verdict: Exclude<TargetVerdict, object>) =>
  verdict === "forbidden"
    ? edgeError(request, 502, "The address of the application is not allowed.")
    : edgeError(request, 502, "The application cannot be reached: its name has no address.")

export const makeServe = (options: ServingOptions) => {
  const { exchanges, maxMessageBytes, protect, pseudonym, record, settings, targets, trustedProxies } =
    options
  const forwardRequest = makeForwardRequest(exchanges)
  const forwardWebSocket = makeForwardWebSocket(exchanges, maxMessageBytes)

  /** The rejection by a limit, before anything is counted. */
  const overLimit = (application: Application, request: Request, network: string): Response | undefined => {
    if (application.running >= application.maxRequests) {
      return edgeError(request, 503, "The application has too many requests now.", { "retry-after": "1" })
    }
    if (exchanges.of(network) >= settings().max_requests_per_address) {
      return edgeError(request, 429, "Too many requests from this address at the same time.", {
        "retry-after": "1"
      })
    }
    return undefined
  }

  const windows = fixedWindows.make(maxCounted)

  /** Counts the request, or returns the rejection by a limit per minute. */
  const overRate = (application: Application, request: Request, client: string, now: number) => {
    const { requests_per_minute_per_address: perAddress, requests_per_minute_per_host: perHost } = settings()
    if (perAddress === undefined && perHost === undefined) return undefined
    const limits: Array<fixedWindows.Limit> = []
    if (perAddress !== undefined) {
      limits.push({ name: "address", key: `address:${networkOf(client)}`, max: perAddress, window: minute })
    }
    if (perHost !== undefined) {
      limits.push({ name: "host", key: `host:${application.hostname}`, max: perHost, window: minute })
    }
    const taken = windows.take(limits, now)
    if (typeof taken === "number") return undefined
    const text =
      taken.limit.name === "host"
        ? "The application has too many requests per minute."
        : "Too many requests per minute from this address."
    return edgeError(request, 429, text, { "retry-after": String(Math.ceil(taken.retryAfter / 1000)) })
  }

  const logOf =
    (
      application: Application,
      request: Request,
      connection: Connection<Bridge>,
      { began, client, identified }: Facts
    ) =>
    (status: number, bytes: number | undefined, ended: string | undefined, error?: string) =>
      record({
        requestId: connection.requestId,
        host: application.hostname,
        method: request.method,
        path: pathOf(request.url),
        client,
        subject: identified?.subject,
        status,
        duration: performance.now() - began,
        bytes,
        ended,
        error
      })

  const forward = (
    application: Application,
    request: Request,
    connection: Connection<Bridge>,
    facts: Facts,
    headers: Record<string, string>
  ): Response | Promise<Response | undefined> => {
    const { began, client, identified } = facts
    const log = logOf(application, request, connection, facts)
    const rejected = (response: Response) => {
      log(response.status, undefined, undefined)
      return response
    }
    const network = networkOf(client)
    const limited = overLimit(application, request, network)
    if (limited !== undefined) return rejected(limited)
    const wait = application.circuit.admit(began)
    if (wait > 0) {
      return rejected(
        edgeError(request, 503, "The application cannot be reached now. Try again later.", {
          "retry-after": String(Math.ceil(wait / 1000))
        })
      )
    }
    application.running++
    exchanges.count(network, 1)
    const finished: Admitted["finished"] = (status, bytes, why, error) => {
      application.running--
      exchanges.count(network, -1)
      log(status, bytes, why, error)
    }
    const pass = (address: string) => {
      const admitted: Admitted = {
        application,
        request,
        connection,
        began,
        address,
        replaceAddress: (failed) => targets.replace(application, failed),
        headers,
        follow: identified?.follow,
        finished
      }
      return isWebSocket(request) ? forwardWebSocket(admitted) : forwardRequest(admitted)
    }
    const checked = (verdict: TargetVerdict) => {
      if (typeof verdict === "object") return pass(verdict.address)
      const response = rejectionOf(request, verdict)
      finished(response.status, undefined, undefined)
      return response
    }
    const verdict = targets.find(application, began)
    return verdict instanceof Promise ? verdict.then(checked) : checked(verdict)
  }

  return (
    application: Application,
    request: Request,
    connection: Connection<Bridge>
  ): Response | Promise<Response | undefined> => {
    const began = performance.now()
    // `OPTIONS *`, which is about this server: it has no path (RFC 9110, section 9.3.7).
    if (request.url.indexOf("/", 8) === -1) return edgeError(request, 400, "The request has no path.")
    if (!application.websocket && isWebSocket(request)) {
      return edgeError(request, 403, "WebSockets are not allowed for this application.")
    }
    const peer = connection.address
    const client = trustedProxies.length === 0 ? peer : clientAddress(request.headers, peer, trustedProxies)
    const facts: Facts = { client, identified: undefined, began }
    // Before the credential is verified: attempts count as well.
    const overrun = overRate(application, request, client, began)
    if (overrun !== undefined) {
      logOf(application, request, connection, facts)(overrun.status, undefined, undefined)
      return overrun
    }
    const headers = requestHeaders(request.headers, {
      peer,
      secure: request.url.startsWith("https:"),
      trustedProxies,
      pseudonym
    })
    headers["x-request-id"] = connection.requestId
    if (!application.preserveHost) headers["host"] = application.host
    if (application.protect === undefined) {
      application.editHeaders(headers)
      return forward(application, request, connection, facts, headers)
    }
    const found = protect({
      request,
      connection,
      scope: application.protect,
      origin: originOf(headers["x-forwarded-proto"] ?? "", request)
    })
    const settled = (verdict: Awaited<typeof found>) => {
      if (verdict instanceof Response) return verdict
      verdict.identify(headers)
      // Afterwards: it may set the credential of the application.
      application.editHeaders(headers)
      return forward(application, request, connection, { ...facts, identified: verdict }, headers)
    }
    return found instanceof Promise ? found.then(settled) : settled(found)
  }
}
