/** The path prefix that a reverse proxy strips, from its `X-Forwarded-Prefix` header (as of Traefik and Spring). */

const maxLength = 256
/** Unreserved characters (RFC 3986, section 2.3) only: what is built from it stays a path on the same host. */
const prefix = /^(?:\/[\w.~-]+)+$/

/**
 * `/tools` or `/a/b`, without a slash at its end; empty if there is none, or one that is not a plain path. Each of several
 * proxies adds its own, the outermost first.
 */
export const pathPrefixOf = (headers: Headers): string => {
  const value = headers.get("x-forwarded-prefix")
  if (value === null || value.length > maxLength) return ""
  const parts = value.split(",").map((part) => part.trim().replace(/\/$/, ""))
  const whole = parts.join("")
  return prefix.test(whole) && !whole.split("/").some((part) => part === "." || part === "..") ? whole : ""
}
