/** Access check of the read-only endpoints: GET or HEAD, by a principal with the scope `read`. */
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import { insufficientScope, methodNotAllowed } from "../../layers/http/responses.ts"
import type { Connection } from "../../layers/http/Routes.ts"
import { identify } from "../../layers/transports/requests.ts"
import type { Principal } from "../domain/Principal.ts"

/** 405 unless the method is GET or HEAD. */
export const refuseMethod = ({ method }: Request): Response | undefined =>
  method === "GET" || method === "HEAD" ? undefined : methodNotAllowed("GET, HEAD, OPTIONS")

/** The principal of a GET or HEAD with the scope `read`, or the rejection: 405, 401 or 403. */
export const readerOf = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Connection
): Principal | Response => {
  const refused = refuseMethod(request)
  if (refused !== undefined) return refused
  const principal = identify(authenticator, request, connection)
  return principal instanceof Response || principal.may(["read"]) ? principal : insufficientScope("read")
}
