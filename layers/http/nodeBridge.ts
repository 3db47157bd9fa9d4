/** Runs handlers of Node.js requests, such as oidc-provider, behind a listener of fetch requests. */
import { toFetchResponse, toReqRes } from "fetch-to-node"
import type { IncomingMessage, ServerResponse } from "node:http"

export interface NodeExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly answered: Promise<Response>
}

/**
 * The request as it arrived at `publicUrl`: the library derives its URLs from Host, scheme and `originalUrl`, none of which
 * come from the client. `address`: of the peer.
 */
export const toNode = (received: Request, publicUrl: string, address: string): NodeExchange => {
  const { host, pathname, protocol } = new URL(publicUrl)
  const { req, res } = toReqRes(received)
  req.headers["host"] = host
  const prefix = pathname.replace(/\/$/, "")
  Object.assign(req, { originalUrl: `${prefix}${req.url}` })
  Object.defineProperty(req, "socket", {
    value: { encrypted: protocol === "https:", remoteAddress: address }
  })
  return { request: req, response: res, answered: toFetchResponse(res) }
}
