/** Cookies of the proxy on the hosts of applications, which neither see nor set them. */

/** `__Host-`: only for this host, over HTTPS, and set by this host (RFC 6265bis, section 4.1.3.2). */
export const cookiePrefix = "__Host-manifold-"

/** The Cookie header without ours; empty if there are no others. */
export const withoutOwnCookies = (header: string): string =>
  header
    .split(";")
    .map((each) => each.trim())
    .filter((each) => each !== "" && !each.startsWith(cookiePrefix))
    .join("; ")

/** In any form that a browser may take for one of ours: some ignore the case of the prefix, or an equals sign before the name. */
const isOwn = /^[\s=]*__host-manifold-/i

/** Removes cookies of an application that have the name of one of ours. */
export const removeOwnCookies = (headers: Headers): void => {
  const given = headers.getSetCookie()
  if (!given.some((each) => isOwn.test(each))) return
  headers.delete("set-cookie")
  for (const each of given) if (!isOwn.test(each)) headers.append("set-cookie", each)
}
