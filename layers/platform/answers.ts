/** What every answer carries besides its route's own headers: the request's id, and the browser's orders. */

/** What may stand in a log line and in another system's search field. */
const sane = /^[A-Za-z0-9._:/+=@-]{1,128}$/

/** The id under which the caller knows its request; one that is not sane counts as absent. */
export const givenId = (headers: Headers): string | undefined => {
  const given = headers.get("x-request-id")
  return given !== null && sane.test(given) ? given : undefined
}

/** A year (RFC 6797, section 6.1). No `includeSubDomains`: they may be others' affair. */
const transportSecurity = "max-age=31536000"

const defaults = [
  // Answers are about now, or for one principal only; what may be kept says so itself.
  ["cache-control", "no-store"],
  // Nothing here is a page, unless it says otherwise.
  ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"],
  ["referrer-policy", "no-referrer"]
] as const

/** Sets what the route did not; `tls`: whether browsers may be told to stay with HTTPS. */
export const secure = (tls: boolean) => (headers: Headers) => {
  for (const [name, value] of defaults) if (!headers.has(name)) headers.set(name, value)
  headers.set("x-content-type-options", "nosniff")
  if (tls) headers.set("strict-transport-security", transportSecurity)
}
