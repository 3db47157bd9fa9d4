/** Protection of applications by a scope: API clients authenticate with a bearer token. */
import type { Connection } from "../../http/Routes.ts"
import type { Authenticator } from "../../identity/Authenticator.ts"
import { insufficientScope } from "../../identity/bearerChallenge.ts"
import type { Grant } from "../../identity/Grant.ts"
import { authenticateRequest } from "../../transports/authenticateRequest.ts"
import type { Application } from "./Application.ts"
import { edgeError } from "./errorPages.ts"

/** A request that may pass. */
export interface Identified {
  readonly subject: string
  /** Removes the credential from the headers for the target, and says who the user is. */
  readonly identify: (headers: Record<string, string>) => void
  /** Calls the function within a second after the credential was revoked or has expired. */
  readonly follow: (end: () => void) => () => void
}

export type Protection = (
  application: Application,
  scope: string,
  request: Request,
  connection: Pick<Connection, "address">
) => Identified | Response | Promise<Identified | Response>

/** The resource of access tokens for applications: the service as a whole. */
const resource = "/"

/** Characters that may be in a header; names of users have no others. */
const headerText = (text: string) => text.replace(/[^\x20-\x7e]/g, "?")

const identified = (
  authenticator: Authenticator["Service"],
  grant: Grant,
  { scope, subject }: { readonly scope: string; readonly subject: string }
): Identified => ({
  subject,
  follow: (end) =>
    authenticator.follow(grant, {
      ended: end,
      changed: ({ principal }) => {
        if (!principal.may([scope])) end()
      }
    }),
  identify: (headers) => {
    delete headers["authorization"]
    delete headers["dpop"]
    headers["remote-user"] = headerText(subject)
    headers["x-forwarded-user"] = headerText(subject)
  }
})

/** Rejections as pages or text; their challenges stay. */
const rejectionOf = (request: Request, response: Response): Response => {
  const { headers, status } = response
  const kept = Object.fromEntries(
    [...headers].filter(([name]) => name === "www-authenticate" || name === "retry-after")
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

export const makeProtection =
  (authenticator: Authenticator["Service"]): Protection =>
  (_, scope, request, connection) => {
    // A protected application has no anonymous callers, also on this machine.
    const remote = { address: connection.address, loopback: false }
    const found = authenticateRequest(authenticator, request, remote, resource)
    const settled = (grant: Grant | Response): Identified | Response => {
      if (grant instanceof Response) return rejectionOf(request, grant)
      const { principal } = grant
      if (principal.may([scope]))
        return identified(authenticator, grant, { scope, subject: principal.subject })
      return edgeError(request, 403, `The scope ${scope} is required.`, {
        "www-authenticate": insufficientScope([scope])
      })
    }
    return found instanceof Promise ? found.then(settled) : settled(found)
  }
