/** Protection of applications by a scope: clients authenticate with a bearer token, browsers sign in. */
import { Effect } from "effect"
import { pathOf } from "../../http/requestRouting.ts"
import type { Authenticator } from "../../identity/Authenticator.ts"
import { insufficientScope } from "../../identity/bearerChallenge.ts"
import type { Grant } from "../../identity/Grant.ts"
import { isOwnPath } from "../../identity/oauth/applicationSignIn.ts"
import { authenticateRequest } from "../../transports/authenticateRequest.ts"
import type { ApplicationResource } from "./applicationResource.ts"
import { type BrowserSignIn, hasSession, opensPage, type Visit } from "./browserSignIn.ts"
import { edgeError } from "./errorPages.ts"
import { isOfForeignPage } from "./foreignPages.ts"
import { removeIdentities } from "./proxyHeaders.ts"

/** A request that may pass. */
export interface Identified {
  readonly subject: string
  /** Removes the credential from the headers for the target, and says who the user is. */
  readonly identify: (headers: Record<string, string>) => void
  /** Calls the function within a second after the credential was revoked or has expired. */
  readonly follow: (end: () => void) => () => void
}

export type Protection = (visit: Visit) => Identified | Response | Promise<Identified | Response>

/** Characters that may be in a header; names of users have no others. */
const headerText = (text: string) => text.replace(/[^\x20-\x7e]/g, "?")

/** Headers of rejections that stay. */
const keptHeaders: ReadonlySet<string> = new Set(["www-authenticate", "retry-after", "dpop-nonce"])

/** Rejections as pages or text, with their challenges. */
const rejectionOf = (
  request: Request,
  { headers, status }: Response,
  complete: (challenge: string) => string
): Response => {
  const kept = Object.fromEntries(
    [...headers].flatMap(([name, value]) =>
      keptHeaders.has(name) ? [[name, name === "www-authenticate" ? complete(value) : value]] : []
    )
  )
  switch (status) {
    case 429:
      return edgeError(request, 429, "Too many invalid tokens from this address.", kept)
    case 503:
      return edgeError(request, 503, "The sign-in cannot be verified now. Try again later.", kept)
    default:
      return edgeError(request, 401, "Send a valid bearer token.", kept)
  }
}

export interface ProtectionOptions {
  readonly authenticator: Authenticator["Service"]
  readonly signIn: BrowserSignIn
  readonly resource: ApplicationResource
  /** Origins whose pages may use sessions of browsers. */
  readonly allowedOrigins: ReadonlySet<string>
}

export const makeProtection = ({
  allowedOrigins,
  authenticator,
  resource,
  signIn
}: ProtectionOptions): Protection => {
  const identified = (grant: Grant, visit: Visit, isBearer: boolean): Identified | Response => {
    const { principal } = grant
    const { request, scope } = visit
    if (!principal.may([scope])) {
      return edgeError(request, 403, `The scope ${scope} is required.`, {
        "www-authenticate": resource.challenge(visit, insufficientScope([scope]))
      })
    }
    const user = headerText(principal.subject)
    return {
      subject: principal.subject,
      follow: (end) =>
        authenticator.follow(grant, {
          ended: end,
          changed: (now) => {
            if (!now.principal.may([scope])) end()
          }
        }),
      identify: (headers) => {
        removeIdentities(headers)
        if (isBearer) {
          delete headers["authorization"]
          delete headers["dpop"]
        }
        headers["remote-user"] = user
        headers["x-forwarded-user"] = user
      }
    }
  }

  /** A protected application has no anonymous callers, also on this machine. */
  const authenticate = (request: Request, visit: Visit) => {
    const { address, encrypted } = visit.connection
    return authenticateRequest(
      authenticator,
      request,
      { address, encrypted, loopback: false },
      resource.identifier(visit)
    )
  }

  const byBearer = (visit: Visit): Identified | Response | Promise<Identified | Response> => {
    const { request } = visit
    const found = authenticate(request, visit)
    const settled = (grant: Grant | Response) =>
      grant instanceof Response
        ? rejectionOf(request, grant, (challenge) => resource.challenge(visit, challenge))
        : identified(grant, visit, true)
    return found instanceof Promise ? found.then(settled) : settled(found)
  }

  const byBrowser = async (visit: Visit): Promise<Identified | Response> => {
    const { request } = visit
    const own = signIn.respond(visit, pathOf(request.url))
    if (own !== undefined) return Effect.runPromise(own)
    const token = await Effect.runPromise(signIn.token(visit))
    if (token !== undefined) {
      const { method, url } = request
      const withToken = new Request(url, { method, headers: { authorization: `Bearer ${token}` } })
      const grant = await authenticate(withToken, visit)
      if (!(grant instanceof Response)) {
        return isOfForeignPage(request, visit.origin, allowedOrigins)
          ? edgeError(request, 403, "Pages of other origins cannot use this sign-in. Send a bearer token.")
          : identified(grant, visit, false)
      }
    }
    const begun = opensPage(request) ? await Effect.runPromise(signIn.begin(visit)) : undefined
    return begun ?? byBearer(visit)
  }

  return (visit) => {
    const { request } = visit
    const path = pathOf(request.url)
    const metadata = resource.respond(visit, path)
    if (metadata !== undefined) return metadata
    if (request.headers.has("authorization")) return byBearer(visit)
    const isBrowser = hasSession(request) || opensPage(request) || isOwnPath(path)
    return isBrowser ? byBrowser(visit) : byBearer(visit)
  }
}
