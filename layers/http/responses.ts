/** Responses that the HTTP server and its endpoints make: JSON, and rejections in the error form of JSON-RPC. */

export const json = (status: number, body: unknown, headers?: Readonly<Record<string, string>>): Response =>
  Response.json(body, { status, ...(headers !== undefined && { headers: { ...headers } }) })

/**
 * Rejects a request that no JSON-RPC id is known of. MCP clients read the body, and it is plain JSON to all others. The
 * code is the HTTP status: JSON-RPC reserves −32768…−32000, and MCP 2026-07-28 leaves none of that range to servers.
 */
export const reject = (
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>
): Response => json(status, { jsonrpc: "2.0", error: { code: status, message }, id: null }, headers)

/** `allow`: the methods that the resource has (RFC 9110, section 10.2.1). */
export const methodNotAllowed = (allow: string): Response => reject(405, "Method not allowed.", { allow })

/** As many are open as may be at once, such as `WebSockets`. */
export const tooManyOpen = (what: string): Response =>
  reject(429, `Too many ${what}. Close one, or try again later.`, { "retry-after": "60" })
