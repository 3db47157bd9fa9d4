/** The path prefix that a reverse proxy strips, from its `X-Forwarded-Prefix` header (set by Traefik and Spring). */

const maxLength = 256
/** Unreserved characters (RFC 3986, section 2.3) only: a URL built from it stays on the same host. */
const prefix = /^(?:\/[\w.~-]+)+$/

/**
 * `/tools` or `/a/b`, without a trailing slash; empty if absent or not a plain path. Each of several
 * proxies adds its own, the outermost first.
 */
export const pathPrefixOf = (headers: Headers): string => {
  const value = headers.get("x-forwarded-prefix")
  if (value === null || value.length > maxLength) return ""
  const parts = value.split(",").map((part) => part.trim().replace(/\/$/, ""))
  const whole = parts.join("")
  return prefix.test(whole) && !whole.split("/").some((part) => part === "." || part === "..") ? whole : ""
}

/** The path as the service sees it, of one that a client wrote with the prefix. */
export const withoutPrefix = (path: string, headers: Headers): string => {
  const stripped = pathPrefixOf(headers)
  return stripped !== "" && path.startsWith(`${stripped}/`) ? path.slice(stripped.length) : path
}
