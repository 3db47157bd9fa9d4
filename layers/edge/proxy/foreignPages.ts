/** Recognizes requests that pages of other origins make with the session of a browser (cross-site request forgery). */

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"])

/**
 * Whether a request with a session cookie comes from a page of another origin, and may change something or open a WebSocket.
 * Cookies of `SameSite=Lax` are sent by pages of other hosts of the same site, such as other applications. `Sec-Fetch-Site`
 * decides where browsers send it, because forms of pages without a referrer have the Origin `null`.
 */
export const isOfForeignPage = (
  { headers, method }: Request,
  origin: string,
  allowedOrigins: ReadonlySet<string>
): boolean => {
  if (safeMethods.has(method) && !headers.has("upgrade")) return false
  const site = headers.get("sec-fetch-site")
  if (site === "same-origin" || site === "none") return false
  const from = headers.get("origin")
  return from === null ? site !== null : from !== origin && !allowedOrigins.has(from)
}
