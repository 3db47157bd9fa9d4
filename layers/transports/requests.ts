/** What every HTTP transport asks of a request before it serves it: who sends it, in which form, and how much. */
import { isJsonContentType } from "@modelcontextprotocol/server"
import type { Principal } from "../../src/domain/Principal.ts"
import { Unauthorized, type Authenticator } from "../identity/Authenticator.ts"
import { json } from "../http/responses.ts"
import type { Connection } from "../http/Routes.ts"
import { errorMessage, fromBytes, isObject, Unreadable, type Parsed } from "./messages.ts"

/** A JSON-RPC error with an HTTP status; it has the id of the request in `body`, if there is one. */
export const refusal = (status: number, code: number, message: string, data?: unknown, body?: unknown) => {
  const id = isObject(body) && (typeof body.id === "string" || typeof body.id === "number") ? body.id : null
  return json(status, errorMessage(code, message, id, data))
}

/** Who sends the request, or the 401 that says how to prove it. */
export const identify = (
  authenticator: Authenticator["Service"],
  request: Request,
  connection: Pick<Connection, "loopback">
): Principal | Response => {
  const principal = authenticator.authenticateUnsafe({
    authorization: request.headers.get("authorization"),
    loopbackPeer: connection.loopback
  })
  return principal instanceof Unauthorized
    ? json(401, errorMessage(-32000, principal.message), { "www-authenticate": principal.challenge })
    : principal
}

/** What is wrong with the form of a request's body. */
export const wrongContent = (headers: Headers): Response | undefined => {
  if (!isJsonContentType(headers.get("content-type"))) {
    return refusal(415, -32000, "Unsupported Media Type: Content-Type must be application/json.")
  }
  const encoding = headers.get("content-encoding")
  if (encoding !== null && encoding !== "identity") {
    return refusal(415, -32000, "Unsupported Media Type: send the body without Content-Encoding.")
  }
  return undefined
}

export const readMessages = async (request: Request, maxMessageBytes: number): Promise<Parsed | Response> => {
  const bytes = await request.bytes()
  if (bytes.byteLength > maxMessageBytes) {
    return refusal(413, -32000, `A message has at most ${maxMessageBytes} bytes.`)
  }
  const parsed = fromBytes(bytes)
  return parsed instanceof Unreadable ? refusal(400, parsed.code, parsed.message) : parsed
}
