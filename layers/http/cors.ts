/** CORS by allow-list (Fetch standard, section 3.2): never `*`, never with credentials. */
import { reject } from "./responses.ts"

const methods = "GET, POST, DELETE, OPTIONS"
const allowed = [
  "content-type",
  "accept",
  "authorization",
  "dpop",
  "last-event-id",
  "mcp-session-id",
  "mcp-protocol-version",
  "mcp-method",
  "mcp-name"
]
/**
 * Also allowed when a preflight requests them: tool arguments mirrored in headers (MCP 2026-07-28), whose names depend on
 * the tool's schema, and tracing headers of W3C, B3, Sentry and Datadog.
 */
const alsoAllowed = new RegExp(
  "^(?:mcp-param-[a-z0-9!#$%&'*+.^_`|~-]+|traceparent|tracestate|baggage|x-request-id|x-correlation-id" +
    "|b3|x-b3-[a-z]+|sentry-trace|x-datadog-[a-z-]+)$"
)
const exposed =
  "mcp-session-id, www-authenticate, dpop-nonce, retry-after, x-request-id, ratelimit-limit, ratelimit-remaining, ratelimit-reset"
const maxAge = String(24 * 60 * 60)

export const isPreflight = (request: Request): boolean =>
  request.method === "OPTIONS" && request.headers.has("access-control-request-method")

/** Response to the preflight of a listed origin. */
export const preflight = (request: Request, origin: string): Response => {
  const requested = (request.headers.get("access-control-request-headers") ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => alsoAllowed.test(name))
  return new Response(null, {
    status: 204,
    headers: {
      "access-control-allow-origin": origin,
      "access-control-allow-methods": methods,
      "access-control-allow-headers": [...allowed, ...requested].join(", "),
      "access-control-max-age": maxAge,
      vary: "Origin"
    }
  })
}

/** Response to the preflight of an origin that may call but is not listed for reading responses. */
export const unlisted = (origin: string): Response =>
  reject(403, `Origin ${origin} not allowed by CORS. Add it to server.cors_origins.`, {
    vary: "Origin"
  })

/** Lets pages of a listed origin read the response of these headers. */
export const share = (headers: Headers, origin: string) => {
  headers.set("access-control-allow-origin", origin)
  headers.set("access-control-expose-headers", exposed)
  headers.append("vary", "Origin")
}
