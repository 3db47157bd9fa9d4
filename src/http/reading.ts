/** Who may look at the service: the routes that show it ask here first. */
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import type { Connection } from "../../layers/http/Routes.ts"
import { identify, notAllowed, refusal } from "../../layers/transports/requests.ts"
import type { Principal } from "../domain/Principal.ts"

const lacking = () => {
  const response = refusal(403, -32000, "Forbidden: this needs the scope read.")
  // RFC 6750, section 3.1.
  response.headers.set(
    "www-authenticate",
    'Bearer realm="manifold", error="insufficient_scope", scope="read"'
  )
  return response
}

/** The method's refusal, unless it is one of those that only read. */
export const refuseMethod = ({ method }: Request): Response | undefined =>
  method === "GET" || method === "HEAD" ? undefined : notAllowed("GET, HEAD, OPTIONS")

/** The principal of a GET or HEAD that may `read`, or the answer that says why not. */
export const readerOf = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Connection
): Principal | Response => {
  const refused = refuseMethod(request)
  if (refused !== undefined) return refused
  const principal = identify(authenticator, request, connection)
  return principal instanceof Response || principal.may(["read"]) ? principal : lacking()
}
