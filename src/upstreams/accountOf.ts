/** The account at an upstream server, if its settings leave the authentication to a sign-in. */
import type { FetchLike } from "@modelcontextprotocol/client"
import { type Duration, Effect } from "effect"
import type { Audit } from "../../layers/audit/Audit.ts"
import { type Actor, program } from "../../layers/audit/AuditEntry.ts"
import { type Account, makeAccount } from "../../layers/upstream/oauth/Account.ts"
import { hasAuthorization, type ServerSettings } from "../../layers/upstream/section.ts"
import { Identity } from "../domain/Identity.ts"
import { identityOf, stdioUser } from "../domain/Principal.ts"

export interface SignInSettings {
  /** Key of the principal whose account is used; empty for the account that all callers share. */
  readonly principal: string
  /** Name under which the credentials are stored. */
  readonly server: string
  readonly fetch: FetchLike
  /** How long a sign-in waits for the user. */
  readonly timeout: Duration.Duration
  /** Gets a row for each sign-in that a user finishes. Absent: the caller writes it. */
  readonly audit?: Audit["Service"] | undefined
}

/** The principal whose account it is. The account that all callers share is the program's. */
const actorOf = (key: string): Actor => {
  if (key === "") return program
  const { clientId, source, subject } = identityOf(key)
  return { subject, client: clientId, source }
}

/** `undefined` for commands and WebSockets, and with a header Authorization. */
export const accountOf = Effect.fnUntraced(function* (
  { headers, oauth, url }: ServerSettings,
  { audit, fetch, principal, server, timeout }: SignInSettings,
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
    onSignedIn,
    record:
      audit &&
      (({ details, outcome }) =>
        audit.recordSoon({
          actor: actorOf(principal),
          action: "upstream.login",
          target: server,
          outcome,
          details
        }))
  })
  return account
})

/** The principal whose account commands on this machine use. */
export const ownPrincipal = ({ credentials }: ServerSettings): string =>
  credentials === "per_user" ? stdioUser.key : ""
