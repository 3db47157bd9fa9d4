/** Calls that did not begin because a limit stood in the way: how HTTP says so besides the JSON-RPC error. */

/** The JSON-RPC error's code, from the range that is left to servers; `data` says which limit and when to try again. */
export const turnedAway = -32029

/** What a stateless request brings to its handler and back: the handler leaves there why it was turned away. */
export interface Passage {
  refused?: unknown
}

/** What `data` has for HTTP. Times are in milliseconds. */
interface Data {
  readonly error_class?: unknown
  readonly max?: unknown
  readonly remaining?: unknown
  readonly retry_after_ms?: unknown
}

const seconds = (millis: unknown): string | undefined =>
  typeof millis === "number" ? String(Math.max(1, Math.ceil(millis / 1000))) : undefined

export interface HttpRefusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/**
 * 429 when the caller asked too often (RFC 6585, section 4), 503 when it is not the caller's doing, with Retry-After
 * (RFC 9110, section 10.2.3) and the fields of draft-ietf-httpapi-ratelimit-headers-06; `undefined` for other errors.
 */
export const httpRefusal = (error: unknown): HttpRefusal | undefined => {
  if (typeof error !== "object" || error === null || !("code" in error) || error.code !== turnedAway) {
    return undefined
  }
  const data = ("data" in error ? error.data : undefined) as Data | undefined
  const after = seconds(data?.retry_after_ms)
  const counted = data?.error_class === "RateLimited"
  return {
    status: counted || data?.error_class === "OverBudget" ? 429 : 503,
    headers: {
      ...(after !== undefined && { "retry-after": after }),
      ...(counted && {
        "ratelimit-limit": String(data?.max),
        "ratelimit-remaining": String(data?.remaining),
        "ratelimit-reset": after ?? "1"
      })
    }
  }
}
