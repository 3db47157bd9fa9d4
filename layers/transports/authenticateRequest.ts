/** Authenticates an HTTP request: the grant of its credential, or a 401, 429 or 503 response. */
import { Exit } from "effect"
import { limitReached, unauthorized, unavailable } from "../../src/domain/errorCodes.ts"
import type { Connection } from "../http/Routes.ts"
import type { Authenticator, Unauthorized } from "../identity/Authenticator.ts"
import type { VerifierUnavailable } from "../identity/CredentialVerifier.ts"
import type { Grant } from "../identity/Grant.ts"
import { runSyncOrPromise } from "../platform/runSyncOrPromise.ts"
import { rejectionOf } from "./jsonRpcResponses.ts"

const seconds = (milliseconds: number) => String(Math.ceil(milliseconds / 1000))

const challenged = (error: Unauthorized | VerifierUnavailable): Response => {
  const { message } = error
  if (error._tag === "VerifierUnavailable") {
    const headers = { "retry-after": seconds(error.retryAfter) }
    return rejectionOf({ code: unavailable, status: 503, message, headers })
  }
  const { challenge, nonce, retryAfter } = error
  const headers = { "www-authenticate": challenge, ...(nonce !== undefined && { "dpop-nonce": nonce }) }
  return retryAfter === undefined
    ? rejectionOf({ code: unauthorized, status: 401, message, headers })
    : rejectionOf({
        code: limitReached,
        status: 429,
        message,
        headers: { "retry-after": seconds(retryAfter) }
      })
}

const settle = (exit: Exit.Exit<Grant, Unauthorized | VerifierUnavailable>): Grant | Response => {
  if (Exit.isSuccess(exit)) return exit.value
  for (const reason of exit.cause.reasons) if (reason._tag === "Fail") return challenged(reason.error)
  // The listener reports defects.
  throw new Error("the request could not be authenticated", { cause: exit.cause })
}

/** The query parameter `ticket` of a GET, which browsers send for WebSockets and event streams. */
const ticketOf = ({ method, url }: Request): string | undefined => {
  if (method !== "GET" || !/[?&]ticket=/.test(url)) return undefined
  return new URL(url).searchParams.get("ticket") ?? undefined
}

/** For routes that upgrade to WebSocket or respond with an event stream: a ticket authenticates as well. */
export const authenticateStream = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Pick<Connection, "address" | "encrypted" | "loopback">,
  resource: string
) => authenticateRequest(authenticator, request, connection, resource, ticketOf(request))

/** The grant, or a rejection; a promise only if authentication is asynchronous. */
export const authenticateRequest = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Pick<Connection, "address" | "encrypted" | "loopback">,
  resource: string,
  ticket?: string
): Grant | Response | Promise<Grant | Response> => {
  const exit = runSyncOrPromise(
    authenticator.authenticate({
      method: request.method,
      url: request.url,
      resource,
      authorization: request.headers.get("authorization"),
      headers: request.headers,
      ticket,
      // Lazy: reads several headers, needed only for a request without a credential.
      get loopbackPeer() {
        return connection.loopback
      },
      // Lazy: needed only when a credential fails.
      get address() {
        return connection.address
      },
      // Lazy: needed only for a proof.
      get encrypted() {
        return connection.encrypted
      }
    })
  )
  return exit instanceof Promise ? exit.then(settle) : settle(exit)
}

/** Continues with the grant, synchronously if possible; a rejection is the response. */
export const withGrant = <A extends Response | undefined>(
  found: Grant | Response | Promise<Grant | Response>,
  next: (grant: Grant) => A | Promise<A>
): A | Response | Promise<A | Response> => {
  const settled = (each: Grant | Response) => (each instanceof Response ? each : next(each))
  return found instanceof Promise ? found.then(settled) : settled(found)
}
