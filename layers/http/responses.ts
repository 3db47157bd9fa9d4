/** HTTP responses that every surface shares: JSON bodies, and rejections in JSON-RPC's error form. */

/** A JSON response. */
export const json = (status: number, body: unknown, headers?: Readonly<Record<string, string>>): Response =>
  Response.json(body, { status, ...(headers !== undefined && { headers: { ...headers } }) })

/**
 * A rejection before any JSON-RPC message was read, hence `id: null`. The error code is the HTTP status, see
 * `errorCodes.ts`. `message` is sent to the client.
 */
export const reject = (
  status: number,
  message: string,
  headers?: Readonly<Record<string, string>>
): Response => json(status, { jsonrpc: "2.0", id: null, error: { code: status, message } }, headers)

/** 405; `allow` is the value of the Allow header, such as `GET, POST`. */
export const methodNotAllowed = (allow: string): Response =>
  reject(405, `Method not allowed. Use one of ${allow}.`, { allow })

export const notFound = (): Response => reject(404, "Not found: no endpoint has this path.")

export const bodyTooLarge = (maxBytes: number): Response =>
  reject(413, `Body too large: at most ${maxBytes} bytes.`)

/** Seconds after which a client may retry when a limit on open connections is reached. */
const retryAfter = "60"

/** 429 because the limit on open `what` (`streams`, `sessions`) is reached. */
export const tooManyOpen = (what: string): Response =>
  reject(429, `Too many open ${what}. Close one, or retry later.`, { "retry-after": retryAfter })
