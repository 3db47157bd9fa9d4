/** What every HTTP transport checks of a request before it serves it: the caller, the form of the body, its size. */
import { isJsonContentType } from "@modelcontextprotocol/server"
import { Exit } from "effect"
import { isObject } from "../../src/domain/JsonObject.ts"
import { limitReached, unauthorized } from "../../src/domain/errorCodes.ts"
import type { Failure } from "../../src/domain/Failure.ts"
import type { Authenticator, Unauthorized } from "../identity/Authenticator.ts"
import type { Grant } from "../identity/Grant.ts"
import type { Connection } from "../http/Routes.ts"
import { immediate } from "../platform/immediate.ts"
import { json } from "../http/responses.ts"
import { Hold, type Quota } from "../quotas/Quota.ts"
import type { JsonBounds } from "./jsonBounds.ts"
import type { Inbound } from "./McpServers.ts"
import { errorMessage, fromBytes, type Parsed, type Unreadable } from "./messages.ts"

const idOf = (body: unknown) =>
  isObject(body) && (typeof body.id === "string" || typeof body.id === "number") ? body.id : null

/** A JSON-RPC error with an HTTP status; it has the id of the request in `body`, if there is one. */
export const reject = (status: number, message: string, data?: object, body?: unknown, code = status) =>
  json(status, errorMessage(code, message, idOf(body), data))

/** The failure as a response of its own, for the request in `body`. */
export const rejected = ({ code, data, headers, message, status }: Failure, body?: unknown) =>
  json(status, errorMessage(code, message, idOf(body), data), headers)

const challenged = ({ challenge, message, retryAfter }: Unauthorized): Response =>
  retryAfter === undefined
    ? rejected({ code: unauthorized, status: 401, message, headers: { "www-authenticate": challenge } })
    : rejected({
        code: limitReached,
        status: 429,
        message,
        headers: { "retry-after": String(Math.ceil(retryAfter / 1000)) }
      })

const settle = (exit: Exit.Exit<Grant, Unauthorized>): Grant | Response => {
  if (Exit.isSuccess(exit)) return exit.value
  for (const reason of exit.cause.reasons) if (reason._tag === "Fail") return challenged(reason.error)
  // A defect is the listener's to report.
  throw new Error("the request could not be authenticated", { cause: exit.cause })
}

/** What the request's credential grants, or the 401 that says how to prove it; a promise only where one must wait. */
export const identify = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Pick<Connection, "address" | "loopback">,
  resource: string
): Grant | Response | Promise<Grant | Response> => {
  const exit = immediate(
    authenticator.authenticate({
      method: request.method,
      url: request.url,
      resource,
      authorization: request.headers.get("authorization"),
      // Looks at several headers, which only a request without a credential needs.
      get loopbackPeer() {
        return connection.loopback
      },
      // Looked up only when a credential fails.
      get address() {
        return connection.address
      }
    })
  )
  return exit instanceof Promise ? exit.then(settle) : settle(exit)
}

/** Goes on with the grant, at once where it is there; a rejection is the response. */
export const withGrant = <A extends Response | undefined>(
  found: Grant | Response | Promise<Grant | Response>,
  next: (grant: Grant) => A | Promise<A>
): A | Response | Promise<A | Response> => {
  const settled = (each: Grant | Response) => (each instanceof Response ? each : next(each))
  return found instanceof Promise ? found.then(settled) : settled(found)
}

/** What came with one HTTP request; its ids are read when they are first needed. */
export class HttpInbound implements Inbound {
  readonly principal
  readonly session
  readonly release
  readonly #request: Request
  readonly #connection: Pick<Connection, "requestId">
  readonly #number: number

  /** `number` counts the requests of a batch from 0. */
  constructor(
    grant: Grant,
    request: Request,
    connection: Pick<Connection, "requestId">,
    number = 0,
    session?: string,
    release?: () => void
  ) {
    this.principal = grant.principal
    this.session = session
    this.release = release
    this.#request = request
    this.#connection = connection
    this.#number = number
  }

  /** The id in the response's `X-Request-Id`; further requests of a batch add their number, as `id:1`. */
  get requestId(): string {
    const { requestId } = this.#connection
    return this.#number === 0 ? requestId : `${requestId}:${this.#number}`
  }

  get headers(): Headers {
    return this.#request.headers
  }
}

/** What is wrong with the form of a request's body. */
export const wrongContent = (headers: Headers): Response | undefined => {
  if (!isJsonContentType(headers.get("content-type"))) {
    return reject(415, "Unsupported Media Type: Content-Type must be application/json.")
  }
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding !== "identity") {
    return reject(415, "Unsupported Media Type: send the body without Content-Encoding.")
  }
  return undefined
}

export interface MessageLimits {
  readonly maxMessageBytes: number
  /** Default `defaultBounds`. */
  readonly bounds?: JsonBounds
}

export const readMessages = async (
  request: Request,
  { bounds, maxMessageBytes }: MessageLimits
): Promise<Parsed | Unreadable | Response> => {
  const bytes = await request.bytes()
  if (bytes.byteLength > maxMessageBytes) {
    return reject(413, `A message has at most ${maxMessageBytes} bytes.`)
  }
  return fromBytes(bytes, bounds)
}

/** Shorter messages, in bytes, are not charged: their number is limited with their requests. */
export const largeMessage = 64 * 1024

export const memoryUsedUp =
  "Too many bytes are kept for this principal (quotas.memory). Wait for running requests to end, then retry."

/**
 * Charges a large body to the principal until the returned hold ends, which is when its requests were answered; 429 if
 * there is no room. A body of unknown length may become as long as a message may be.
 */
export const holdBody = (
  quota: Quota,
  { principal }: Grant,
  request: Request,
  { maxMessageBytes }: MessageLimits
): Hold | Response | undefined => {
  const length = Number(request.headers.get("content-length") ?? maxMessageBytes)
  if (length < largeMessage) return undefined
  const hold = new Hold(quota, principal.key)
  return hold.set(length) ? hold : json(429, errorMessage(limitReached, memoryUsedUp), { "retry-after": "1" })
}

export const unreadable = ({ code, id, message, status }: Unreadable) =>
  json(status, errorMessage(code, message, id))

export const sessionNotFound = () => reject(404, "Session not found. Initialize a new one.")
