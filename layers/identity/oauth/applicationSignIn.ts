/** Sign-in of browsers at published applications: its paths on their hosts, and the authorization requests that are for it. */

const prefix = "/.well-known/manifold/"
/** Redirect URI of the sign-in, where the proxy redeems the code. */
export const signedInPath = `${prefix}signed-in`
export const signOutPath = `${prefix}sign-out`

/** Whether the proxy itself answers a path of a protected application. */
export const isOwnPath = (path: string): boolean => path.startsWith(prefix)

/**
 * The origin of the application that an authorization request signs in at; `undefined`: it is of another client. Only the proxy
 * gets the code, and the application learns nothing but the name of the user. `isProtected`: whether a host is that of a
 * protected application.
 */
export const applicationOf = (
  params: Readonly<Record<string, unknown>>,
  isProtected: (host: string) => boolean
): string | undefined => {
  const { redirect_uri, resource } = params
  const url = typeof redirect_uri === "string" ? URL.parse(redirect_uri) : null
  if (url?.protocol !== "https:" || url.href !== `${url.origin}${signedInPath}`) return undefined
  const [origin, ...others] = [resource].flat()
  return origin === url.origin && others.length === 0 && isProtected(url.host) ? url.origin : undefined
}
