/** Access check of the read-only endpoints: GET or HEAD, by a principal with the scope `read`. */
import { methodNotAllowed, reject } from "../../layers/http/responses.ts"
import type { Connection } from "../../layers/http/Routes.ts"
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import { insufficientScope } from "../../layers/identity/bearerChallenge.ts"
import type { Grant } from "../../layers/identity/Grant.ts"
import { authenticateRequest, withGrant } from "../../layers/transports/authenticateRequest.ts"

const forbidden = () =>
  reject(403, "Forbidden: the scope read is required.", { "www-authenticate": insufficientScope(["read"]) })

/** 405 unless the method is GET or HEAD. */
export const rejectMethod = ({ method }: Request): Response | undefined =>
  method === "GET" || method === "HEAD" ? undefined : methodNotAllowed("GET, HEAD, OPTIONS")

/** `next` for a GET or HEAD with the scope `read`, or the rejection: 405, 401 or 403. `authenticate`: see `authenticateStream`. */
export const requireReader = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Connection,
  next: (grant: Grant) => Response | Promise<Response>,
  authenticate = authenticateRequest
): Response | Promise<Response> =>
  rejectMethod(request) ??
  withGrant(authenticate(authenticator, request, connection, "/"), (grant) =>
    grant.principal.may(["read"]) ? next(grant) : forbidden()
  )
