/** Response headers that every route gets unless it sets them: security headers and cache control. */
import type { ListenerOptions } from "./ListenerOptions.ts"

/** A year (RFC 6797, section 6.1). No `includeSubDomains`: subdomains may have other owners. */
const aYear = "max-age=31536000"

/** Content-Security-Policy of responses that are not pages; pages set their own. */
const policy = "default-src 'none'; frame-ancestors 'none'"

const isJson = (type: string | null): boolean => type?.startsWith("application/json") === true

/** The value of Strict-Transport-Security on a listener. */
export const transportSecurityOf = ({
  tls,
  transportSecurity
}: Pick<ListenerOptions, "tls" | "transportSecurity">): string | undefined => {
  if (tls === undefined || transportSecurity === 0) return undefined
  return transportSecurity === undefined ? aYear : `max-age=${transportSecurity}`
}

/** Headers of a JSON response; a route that sets them itself saves the listener the time to add them. */
export const jsonHeaders = {
  "content-type": "application/json",
  "x-content-type-options": "nosniff",
  "cache-control": "no-store"
}

/** The same: to copy this object takes a third of the time. */
export const resultHeaders = new Headers(jsonHeaders)

/** Sets the headers that the route did not set, and Strict-Transport-Security. */
export const secure = (transportSecurity: string | undefined) => (method: string, headers: Headers) => {
  // To look one up takes a tenth of the time that setting it takes.
  if (!headers.has("x-content-type-options")) headers.set("x-content-type-options", "nosniff")
  // Responses are for one moment and one principal; a cacheable one sets its own header.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store")
  // Browsers do not render JSON responses to a POST, and those are the hot path.
  const shown = method !== "POST" || !isJson(headers.get("content-type"))
  if (shown && !headers.has("content-security-policy")) {
    headers.set("content-security-policy", policy)
    headers.set("referrer-policy", "no-referrer")
  }
  if (transportSecurity !== undefined) headers.set("strict-transport-security", transportSecurity)
}
