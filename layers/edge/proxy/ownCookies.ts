/** Cookies of the proxy on the hosts of applications, which do not see them. */

/** `__Host-`: only for this host, over HTTPS, and set by this host (RFC 6265bis, section 4.1.3.2). */
export const cookiePrefix = "__Host-manifold-"

/** The Cookie header without ours; empty if there are no others. */
export const withoutOwnCookies = (header: string): string =>
  header
    .split(/; */)
    .filter((each) => !each.startsWith(cookiePrefix))
    .join("; ")
