/** The account at an upstream server, if its settings leave the authentication to a sign-in. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { type Duration, Effect } from "effect"
import { type Account, makeAccount } from "../../layers/upstream/oauth/Account.ts"
import { hasAuthorization, type ServerSettings } from "../../layers/upstream/section.ts"
import { Identity } from "../domain/Identity.ts"
import { stdioUser } from "../domain/Principal.ts"

export interface SignInSettings {
  /** Key of the principal whose account is used; empty for the account that all callers share. */
  readonly principal: string
  /** Name under which the credentials are stored. */
  readonly server: string
  readonly fetch: FetchLike
  /** How long a sign-in waits for the user. */
  readonly timeout: Duration.Duration
}

/** `undefined` for commands and WebSockets, and with a header Authorization. */
export const accountOf = Effect.fnUntraced(function* (
  { headers, oauth, url }: ServerSettings,
  { fetch, principal, server, timeout }: SignInSettings,
  onSignedIn: Effect.Effect<void>
) {
  if (!url?.startsWith("http") || hasAuthorization(headers)) return undefined
  const account: Account = yield* makeAccount({
    owner: { server, url, principal },
    settings: oauth ?? { grant: "authorization_code" },
    chosen: oauth !== undefined,
    clientName: (yield* Identity).name,
    fetch,
    signInTimeout: timeout,
    onSignedIn
  })
  return account
})

/** The principal whose account commands on this machine use. */
export const ownPrincipal = ({ credentials }: ServerSettings): string =>
  credentials === "per_user" ? stdioUser.key : ""
