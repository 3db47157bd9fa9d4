/** The `fetch` for authorization servers: only hosts that the user named may have loopback and private addresses. */
import type { FetchLike } from "@modelcontextprotocol/client"
import type { ServerSettings } from "../section.ts"
import { callerFetch, type CallerFetchOptions } from "../callerFetch.ts"

/** Largest response, in bytes. */
const maxBytes = 1024 * 1024

/** Time limit of a request, in milliseconds. */
const timeLimit = 15_000

/** `named`: URLs whose hosts may be reached at any address but link-local and metadata addresses. */
export const oauthFetch = (
  options: Pick<CallerFetchOptions, "dns" | "settings">,
  named: ReadonlyArray<string | undefined>
): FetchLike => {
  const hosts = new Set(named.map((url) => (url === undefined ? undefined : URL.parse(url)?.hostname)))
  const open = callerFetch({ ...options, maxBytes, allowPrivate: true })
  const guarded = callerFetch({ ...options, maxBytes, allowPrivate: false })
  return (url, init) =>
    (hosts.has(new URL(url).hostname) ? open : guarded)(url, {
      ...init,
      // A user takes longer than servers keep connections open, and a token request must not be sent twice.
      keepalive: false,
      signal: init?.signal ?? AbortSignal.timeout(timeLimit)
    })
}

/** The URLs that the settings of a server name. */
export const namedUrls = ({
  oauth,
  url
}: Pick<ServerSettings, "oauth" | "url">): ReadonlyArray<string | undefined> => [
  url,
  oauth?.issuer,
  oauth?.authorization_url,
  oauth?.token_url
]
