/** Requests of the ACME client: through the outbound client, with typed errors and no retries inside. */
import type { ConfiguredFetch } from "../../outbound/configuredFetch.ts"
import { OutboundError } from "../../outbound/OutboundError.ts"
import { AcmeError, problemOf } from "./AcmeError.ts"

/** A response in the form that the library expects. */
interface AcmeResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly data: unknown
}

/** The method of the library's HTTP client that this module replaces. */
export type SendRequest = (
  url: string,
  method: string,
  options?: { readonly data?: unknown }
) => Promise<AcmeResponse>

/** Time limit of one request, in milliseconds. */
const timeLimit = 30_000

/** Longest time that a CA can defer the next attempt, in milliseconds. */
const longestRetryAfter = 7 * 24 * 60 * 60_000

/** Retry-After in milliseconds (RFC 9110, section 10.2.3): seconds, or a date. */
export const retryAfterOf = (value: string | null, now: number): number | undefined => {
  if (value === null) return undefined
  const millis = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isFinite(millis) ? Math.min(longestRetryAfter, Math.max(0, millis)) : undefined
}

const badNonce = "badNonce"

/** The error of a response; `undefined` for a success, and for a nonce that the library replaces by itself. */
const errorOf = (status: number, headers: Headers, data: unknown, now: number): AcmeError | undefined => {
  if (status < 400) return undefined
  const { text, type } = problemOf(data)
  if (type === badNonce) return undefined
  const retryAfter = retryAfterOf(headers.get("retry-after"), now)
  const limited = status === 429 || type === "rateLimited"
  return new AcmeError({
    reason: limited ? "rate_limited" : status >= 500 ? "unavailable" : "rejected",
    message: text === "" ? `the CA responded with status ${status}` : text,
    ...(type !== "" && { type }),
    ...(retryAfter !== undefined && { retryAfter })
  })
}

const parse = (text: string, type: string | null): unknown => {
  if (type === null || !/[/+]json\b/.test(type)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** `signal` ends all requests; `now` is the time in milliseconds since the epoch. */
export const make =
  (fetch: ConfiguredFetch, signal: AbortSignal, now: () => number): SendRequest =>
  async (url, method, options = {}) => {
    const { data } = options
    const response = await fetch(url, {
      method: method.toUpperCase(),
      headers: { "content-type": "application/jose+json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]),
      ...(data !== undefined && { body: JSON.stringify(data) })
    }).catch((cause: unknown) => {
      throw new AcmeError({
        reason: cause instanceof OutboundError && cause.reason === "refused" ? "rejected" : "unreachable",
        message: `the CA cannot be reached: ${cause instanceof Error ? cause.message : String(cause)}`
      })
    })
    const body = parse(await response.text(), response.headers.get("content-type"))
    const error = errorOf(response.status, response.headers, body, now())
    if (error !== undefined) throw error
    return { status: response.status, headers: Object.fromEntries(response.headers), data: body }
  }
