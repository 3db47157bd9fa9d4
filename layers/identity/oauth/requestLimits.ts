/** Limits on requests of one address to the OAuth server, which instances share. */
import { Duration, Effect } from "effect"
import { networkOf } from "../AttemptLimit.ts"
import { tooMany, unavailable } from "./errorResponses.ts"
import type { OAuthSettings } from "./settings.ts"

/** At most `max` requests of `key` per `window` milliseconds. */
export interface SharedLimit {
  readonly name: string
  readonly key: string
  readonly max: number
  readonly window: number
}

/** Milliseconds until the request may be repeated, or that the shared store of the limits is unreachable. */
export type Limited = { readonly retryAfter: number } | "unreachable"

/** Counts one request under the limit. */
export type Count = (limit: SharedLimit) => Effect.Effect<Limited | undefined>

/** The rejection of a request beyond a limit of its address. */
export const make =
  (count: Count, settings: OAuthSettings) =>
  (
    what: "requests" | "registrations",
    path: string,
    address: string
  ): Effect.Effect<Response | undefined> => {
    const name = `oauth-${what}`
    const { max, window } = settings[what]
    const limit = { name, key: `${name}:${networkOf(address)}`, max, window: Duration.toMillis(window) }
    return Effect.map(count(limit), (limited) => {
      if (limited === undefined) return undefined
      return limited === "unreachable"
        ? unavailable(path, "The limits of the authorization server cannot be checked.")
        : tooMany(what, limited.retryAfter)
    })
  }
