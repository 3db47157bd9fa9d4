/** The tokens of the configuration, in the form of stored ones, for lists. */
import { DateTime } from "effect"
import type { ApiToken } from "../ApiTokens.ts"
import { isoOf, type StoredToken } from "./StoredToken.ts"

export const configuredTokens = (tokens: ReadonlyArray<ApiToken>, now: number): ReadonlyArray<StoredToken> =>
  tokens.map(({ ceiling, expires_at, limits, name, scopes }) => {
    const expires = expires_at === undefined ? null : DateTime.toEpochMillis(expires_at)
    return {
      id: null,
      name,
      subject: name,
      source: "configuration",
      status: expires !== null && expires <= now ? "expired" : "active",
      scopes,
      ceiling: ceiling ?? scopes,
      limits: limits ?? {},
      created_at: null,
      created_by: null,
      expires_at: isoOf(expires),
      last_used_at: null,
      revoked_at: null,
      revoked_by: null
    }
  })
