/** What every answer carries besides its route's own headers: the request's id, and the browser's orders. */

/** What may stand in a log line and in another system's search field. */
const sane = /^[A-Za-z0-9._:/+=@-]{1,128}$/

/** The id under which the caller knows its request; one that is not sane counts as absent. */
export const givenId = (headers: Headers, name = "x-request-id"): string | undefined => {
  const given = headers.get(name)
  return given !== null && sane.test(given) ? given : undefined
}

/** A year (RFC 6797, section 6.1). No `includeSubDomains`: they may be others' affair. */
const transportSecurity = "max-age=31536000"

/** Nothing here is a page, unless it says otherwise. */
const policy = "default-src 'none'; frame-ancestors 'none'"

const isJson = (type: string | null): boolean => type?.startsWith("application/json") === true

/** Sets what the route did not; `tls`: whether browsers may be told to stay with HTTPS. */
export const secure = (tls: boolean) => (method: string, headers: Headers) => {
  headers.set("x-content-type-options", "nosniff")
  // Answers are about now, or for one principal only; what may be kept says so itself.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store")
  // No browser shows the JSON that a POST is answered with, and most answers are such.
  const shown = method !== "POST" || !isJson(headers.get("content-type"))
  if (shown && !headers.has("content-security-policy")) {
    headers.set("content-security-policy", policy)
    headers.set("referrer-policy", "no-referrer")
  }
  if (tls) headers.set("strict-transport-security", transportSecurity)
}
