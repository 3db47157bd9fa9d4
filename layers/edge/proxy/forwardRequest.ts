/** Forwards one HTTP request to its target, streaming both ways, and passes the response on. */
import type { Connection } from "../../http/Routes.ts"
import { invalidToken } from "../../identity/bearerChallenge.ts"
import { codeOf, isUnreachable } from "../../outbound/pinnedAddress.ts"
import type { Application } from "./Application.ts"
import type { Bridge } from "./Bridge.ts"
import { edgeError } from "./errorPages.ts"
import { type EndReason, Exchange, type Exchanges } from "./Exchanges.ts"
import { cleanResponse } from "./proxyHeaders.ts"
import { BodyTooLarge, countedBody, followedBody } from "./streamedBodies.ts"

/** Larger bodies, in bytes, are streamed, and those of unknown length. */
const smallBody = 64 * 1024
/** Lowest rate of a request body, in bytes per millisecond, after its first time limit; that of Apache's mod_reqtimeout. */
const minBodyRate = 0.5

/** Methods whose requests may be repeated (RFC 9110, section 9.2.2). */
const idempotent: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
const withoutBody: ReadonlySet<string> = new Set(["GET", "HEAD"])

/** Statuses of responses without content (RFC 9110, section 6.4.1). */
const withoutContent: ReadonlySet<number> = new Set([204, 205, 304])

/** An admitted request, and where its end is reported. */
export interface Admitted {
  readonly application: Application
  readonly request: Request
  readonly connection: Connection<Bridge>
  /** When it arrived, in milliseconds. */
  readonly began: number
  /** The checked address of the target. */
  readonly address: string
  /** Another address, for one that accepts no connection. */
  readonly replaceAddress: (failed: string) => Promise<string | undefined>
  /** For the target. */
  readonly headers: Record<string, string>
  /** Calls the function when the credential of the request ends; returns a function that stops this. */
  readonly follow: ((end: () => void) => () => void) | undefined
  /** Called once: the status of the response, the bytes of its body if they are known, and the code of a failed connection. */
  readonly finished: (
    status: number,
    bytes: number | undefined,
    why: string | undefined,
    error?: string
  ) => void
}

/** URL at the address of the target. The listener has removed dot segments, so that none leaves the path of the target. */
export const targetUrl = (application: Application, { url }: Request, address: string): string =>
  `${application.at(address)}${application.path}${url.slice(url.indexOf("/", 8))}`

const lengthOf = (headers: Headers): number | undefined => {
  const length = headers.get("content-length")
  return length === null ? undefined : Number(length)
}

/** The connection was closed before a response, perhaps because the target closed it while it was idle. */
const isClosed = (cause: unknown) => /^(?:ECONNRESET|EPIPE|ConnectionClosed|HTTP2.*)$/.test(codeOf(cause))

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

const sendTo = (
  address: string,
  { application, headers, request }: Admitted,
  body: Body,
  signal: AbortSignal
) => {
  const init: BunFetchRequestInit = {
    method: request.method,
    headers,
    body,
    signal,
    redirect: "manual",
    decompress: false,
    timeout: false,
    proxy: false,
    ...(application.tls !== undefined && { tls: application.tls })
  }
  return fetch(targetUrl(application, request, address), init)
}

/** Bun reads nothing from a streamed body before it has a connection, so that the body can be sent to another address. */
const send = (admitted: Admitted, body: Body, signal: AbortSignal) => {
  const { address, replaceAddress } = admitted
  return sendTo(address, admitted, body, signal).catch(async (cause: unknown) => {
    const other = isUnreachable(codeOf(cause)) && !signal.aborted ? await replaceAddress(address) : undefined
    if (other === undefined) throw cause
    return sendTo(other, admitted, body, signal)
  })
}

const signInEnded = "The sign-in has ended, or no longer has the scope."

/** A redirect to the target's own address leads to the application's address instead. */
const publicLocation = ({ origin, path, preserveHost }: Application, headers: Headers) => {
  const location = headers.get("location")
  if (location === null || preserveHost) return
  const base = `${origin}${path}`
  if (location === base || location.startsWith(`${base}/`)) {
    // `/.//`: two slashes at the beginning would name another host.
    headers.set("location", (location.slice(base.length) || "/").replace(/^\/(?=[/\\])/, "/./"))
  }
}

export const makeForwardRequest = (exchanges: Exchanges) => {
  const failure = (
    { application, began, request }: Admitted,
    exchange: Exchange,
    cause: unknown
  ): Response => {
    const now = performance.now()
    switch (exchange.why) {
      case "client":
        // The client does not receive it.
        return new Response(null, { status: 499 })
      case "slow_body":
        return edgeError(request, 408, "The body of the request did not arrive in time.", {
          connection: "close"
        })
      case "timeout":
        application.circuit.failed(now, began)
        return edgeError(request, 504, "The application did not respond in time. Try again later.")
      case "shutdown":
      case "removed":
      case "idle":
        return edgeError(request, 503, "The application is not available now. Try again later.", {
          "retry-after": "1"
        })
      case "revoked":
        return edgeError(request, 401, signInEnded, { "www-authenticate": invalidToken(signInEnded) })
      case undefined:
        application.circuit.failed(now, began)
        return edgeError(
          request,
          502,
          isClosed(cause)
            ? "The application closed the connection without a response."
            : "The application cannot be reached. Try again later."
        )
    }
  }

  /** Short bodies are read first, so that the client gets a whole one or an error; others are streamed. */
  const respond = async (
    admitted: Admitted,
    exchange: Exchange,
    given: Response,
    end: (status: number, bytes?: number) => void
  ): Promise<Response> => {
    const { application, connection } = admitted
    const { headers: received, status, statusText } = given
    const length = lengthOf(received)
    const init = { status, statusText, headers: received }
    const isEmpty = admitted.request.method === "HEAD" || withoutContent.has(status)
    let response: Response
    if (isEmpty || (length !== undefined && length <= smallBody)) {
      exchange.deadline = performance.now() + application.idleTimeout
      response = new Response(isEmpty ? null : await given.arrayBuffer(), init)
      connection.limitIdle()
      end(status, isEmpty ? 0 : length)
    } else {
      exchange.begun = true
      exchange.endless = received.get("content-type")?.startsWith("text/event-stream") === true
      const followed =
        given.body &&
        followedBody(given.body, exchange, application.idleTimeout, (bytes) => end(status, bytes))
      response = new Response(followed, init)
      if (given.body === null) end(status, 0)
    }
    cleanResponse(response.headers)
    publicLocation(application, response.headers)
    return response
  }

  return async (admitted: Admitted): Promise<Response> => {
    const { application, connection, finished, request } = admitted
    const controller = new AbortController()
    let interrupt: ((why: EndReason) => void) | undefined
    /** The whole body; fails when the exchange ends, which does not end the reading by itself. */
    const readBody = () =>
      new Promise<ArrayBuffer>((resolve, reject) => {
        interrupt = reject
        request.arrayBuffer().then(resolve, reject)
      })
    const exchange = new Exchange(application, (why) => {
      controller.abort(why)
      interrupt?.(why)
    })
    const clientGone = () => exchange.end("client")
    let ended = false
    let bodyError: unknown
    const end = (status: number, bytes?: number, error?: string) => {
      if (ended) return
      ended = true
      request.signal.removeEventListener("abort", clientGone)
      exchanges.remove(exchange)
      unfollow?.()
      finished(status, bytes, exchange.why, error)
    }
    const unfollow = admitted.follow?.(() => exchange.end("revoked"))
    exchanges.add(exchange)
    request.signal.addEventListener("abort", clientGone, { once: true })
    try {
      const length = lengthOf(request.headers)
      let body: Body = null
      if (!withoutBody.has(request.method)) {
        if (length !== undefined && length > application.maxBodyBytes) {
          end(413)
          return edgeError(request, 413, `At most ${application.maxBodyBytes} bytes are accepted.`)
        }
        // Reading `request.body` makes a stream, which a short body does not need.
        if (length !== undefined && length <= smallBody) {
          if (length > 0) {
            exchange.receiving = true
            exchange.deadline = performance.now() + application.bodyTimeout + length / minBodyRate
            const received = await readBody().catch((cause: unknown) => {
              bodyError = cause
              throw cause
            })
            body = new Uint8Array(received)
            exchange.receiving = false
          }
        } else if (request.body !== null) {
          body = countedBody(request.body, application.maxBodyBytes, {
            awaited: (size, waited) => {
              const { begun } = exchange
              const left = application.bodyTimeout + size / minBodyRate - waited
              exchange.receiving = true
              exchange.deadline =
                performance.now() + Math.min(begun ? application.idleTimeout : application.bodyTimeout, left)
            },
            received: () => {
              const { begun } = exchange
              exchange.receiving = false
              exchange.deadline =
                performance.now() + (begun ? application.idleTimeout : application.responseTimeout)
            },
            failed: (cause) => (bodyError = cause)
          })
        }
      }
      if (!(body instanceof ReadableStream))
        exchange.deadline = performance.now() + application.responseTimeout
      connection.keepOpen()
      const repeatable = idempotent.has(request.method) && !(body instanceof ReadableStream)
      const given = await send(admitted, body, controller.signal).catch((cause: unknown) => {
        if (!repeatable || !isClosed(cause) || controller.signal.aborted) throw cause
        return send(admitted, body, controller.signal)
      })
      application.circuit.succeeded(performance.now())
      return await respond(admitted, exchange, given, end)
    } catch (cause) {
      if (bodyError instanceof BodyTooLarge) {
        end(413)
        return edgeError(request, 413, `At most ${application.maxBodyBytes} bytes are accepted.`)
      }
      // The client's fault: its body is malformed, or it is gone.
      if (bodyError !== undefined && exchange.why === undefined) {
        end(400)
        return edgeError(request, 400, "The body of the request is malformed or incomplete.")
      }
      const response = failure(admitted, exchange, cause)
      end(response.status, undefined, exchange.why === undefined ? codeOf(cause) : undefined)
      return response
    }
  }
}
