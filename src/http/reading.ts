/** Which callers may read the service: every route that shows it asks here first. */
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import { methodNotAllowed, reject } from "../../layers/http/responses.ts"
import type { Connection } from "../../layers/http/Routes.ts"
import { insufficientScope } from "../../layers/identity/challenge.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { identify, withGrant } from "../../layers/transports/requests.ts"

const lacking = () =>
  reject(403, "Forbidden: this needs the scope read.", { "www-authenticate": insufficientScope(["read"]) })

/** The method's rejection, unless it is one of those that only read. */
export const rejectMethod = ({ method }: Request): Response | undefined =>
  method === "GET" || method === "HEAD" ? undefined : methodNotAllowed("GET, HEAD, OPTIONS")

/** Goes on for a GET or HEAD of a principal that may `read`, else answers why not. */
export const asReader = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Connection,
  next: (grant: Grant) => Response | Promise<Response>
): Response | Promise<Response> =>
  rejectMethod(request) ??
  withGrant(identify(authenticator, request, connection, "/"), (grant) =>
    grant.principal.may(["read"]) ? next(grant) : lacking()
  )
