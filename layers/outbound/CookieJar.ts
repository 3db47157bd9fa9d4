/** Cookie jar of one request and its redirects: some sites redirect until their cookie is sent back. */

interface Cookie {
  readonly domain: string
  /** Only for this host, not for its subdomains. */
  readonly hostOnly: boolean
  readonly path: string
  readonly secure: boolean
  readonly value: string
}

const maxCookies = 50
/** Name and value, in UTF-16 units (RFC 6265, section 6.1, asks for at least 4096 bytes). */
const maxLength = 4096

/** Domain match (RFC 6265, section 5.1.3); never for a single-label domain. */
const covers = (domain: string, host: string) => domain.includes(".") && host.endsWith(`.${domain}`)

const defaultPath = ({ pathname }: URL) => pathname.slice(0, Math.max(1, pathname.lastIndexOf("/")))

const coversPath = (path: string, pathname: string) =>
  pathname === path || pathname.startsWith(path.endsWith("/") ? path : `${path}/`)

/** Short-lived, so expiry dates are ignored, except that `Max-Age=0` deletes a cookie. */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>()

  store(url: URL, lines: ReadonlyArray<string>) {
    for (const line of lines.slice(0, maxCookies)) this.#add(url, line)
  }

  #add(url: URL, line: string) {
    const [pair = "", ...attributes] = line.split(";", 20)
    const at = pair.indexOf("=")
    if (at < 1 || pair.length > maxLength) return
    const name = pair.slice(0, at).trim()
    const given = new Map(
      attributes.map((attribute) => {
        const [key = "", value = ""] = attribute.split("=", 2)
        return [key.trim().toLowerCase(), value.trim()]
      })
    )
    const named = (given.get("domain") ?? "").replace(/^\./, "").toLowerCase()
    if (named !== "" && named !== url.hostname && !covers(named, url.hostname)) return
    const path = given.get("path") ?? ""
    const cookie: Cookie = {
      domain: named === "" ? url.hostname : named,
      hostOnly: named === "",
      path: path.startsWith("/") ? path : defaultPath(url),
      secure: given.has("secure"),
      value: pair.slice(at + 1).trim()
    }
    const key = `${cookie.domain};${cookie.path};${name}`
    this.#cookies.delete(key)
    const over = Number(given.get("max-age") ?? 1) <= 0
    if (!over && this.#cookies.size < maxCookies) this.#cookies.set(key, cookie)
  }

  /** The value of the `Cookie` header for a request; `undefined` without a matching cookie. */
  header(url: URL): string | undefined {
    const pairs = [...this.#cookies].flatMap(([key, { domain, hostOnly, path, secure, value }]) => {
      const sent =
        (url.hostname === domain || (!hostOnly && covers(domain, url.hostname))) &&
        coversPath(path, url.pathname) &&
        (!secure || url.protocol === "https:")
      return sent ? [`${key.slice(key.lastIndexOf(";") + 1)}=${value}`] : []
    })
    return pairs.length === 0 ? undefined : pairs.join("; ")
  }
}
