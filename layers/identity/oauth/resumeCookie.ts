/** Binds the end of a sign-in to the browser in which a person finished it: other hosts of the domain can set the cookies of the library. */

/** For the redirect, in seconds. */
const lifetime = 60

/** `__Host-`: set by this host, and for it only (RFC 6265bis, section 4.1.3.2). */
const name = "__Host-manifold_finished"

/** Whether the issuer has a host for itself over HTTPS, as cookies with the prefix `__Host-` need. */
export const isWholeHost = (issuer: string): boolean => {
  const { pathname, protocol } = new URL(issuer)
  return protocol === "https:" && pathname === "/"
}

/** Adds the cookie to the response to a page of the sign-in, if it redirects to the end of this one. */
export const bindResume = (response: Response, issuer: string, uid: string): Response => {
  const isEnd = response.headers.get("location") === `${issuer}/oauth/authorize/${uid}`
  if (isEnd && isWholeHost(issuer)) {
    const attributes = `Path=/; Max-Age=${lifetime}; HttpOnly; Secure; SameSite=Lax`
    response.headers.append("set-cookie", `${name}=${uid}; ${attributes}`)
  }
  return response
}

/** Whether the browser of the request has finished the sign-in. */
export const hasFinished = ({ headers }: Request, uid: string): boolean =>
  headers
    .get("cookie")
    ?.split(";")
    .some((each) => each.trim() === `${name}=${uid}`) === true
