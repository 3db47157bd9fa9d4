/** Page of an account: its scopes, and the applications that have access in its name, which it can disconnect. */
import { Duration, Effect } from "effect"
import type { Provider } from "oidc-provider"
import type { Audit } from "../../audit/Audit.ts"
import { toNode } from "../../http/nodeBridge.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import type { Account, Accounts } from "./Accounts.ts"
import { redirect } from "./interactions.ts"
import { accountPage, accountSignInPage } from "./pages.ts"
import { sessionCookie } from "./provider.ts"
import type { StoredGrant } from "./grants.ts"
import type { OAuthSettings } from "./settings.ts"
import { isSignedIn, type SignIn } from "./signIn.ts"

export const accountPath = "/oauth/account"

/** The client in the audit log: the page itself. */
const client = "browser"

export interface AccountPageOptions {
  readonly provider: Provider
  readonly publicUrl: string
  readonly service: string
  readonly settings: Pick<OAuthSettings, "session_ttl">
  readonly accounts: Accounts["Service"]
  readonly audit: Audit["Service"]
  readonly signIn: SignIn
  readonly grantsOf: (account: string) => Effect.Effect<ReadonlyArray<StoredGrant>, DatabaseError>
  /** Revokes everything that was granted with it, if it is of the account. */
  readonly revokeGrant: (account: string, grant: string) => Effect.Effect<boolean, DatabaseError>
}

export const make = ({
  accounts,
  audit,
  grantsOf,
  provider,
  publicUrl,
  revokeGrant,
  service,
  settings,
  signIn
}: AccountPageOptions) => {
  const lifetime = Math.round(Duration.toSeconds(settings.session_ttl))
  const self = `${publicUrl}${accountPath}`

  /** A document at a URL is not fetched for its name. */
  const nameOf = (id: string) =>
    id.startsWith("https://")
      ? Effect.succeed(id)
      : Effect.map(
          Effect.promise(() => provider.Client.find(id)),
          (found) => found?.clientName ?? id
        )

  const show = Effect.fnUntraced(function* (account: Account) {
    const grants = yield* grantsOf(account.id)
    const applications = yield* Effect.forEach(grants, ({ client: of, id, scopes }) =>
      Effect.map(nameOf(of), (name) => ({ id, name, scopes }))
    )
    return accountPage({ service, account: account.name, scopes: account.scopes, applications })
  })

  const disconnect = Effect.fnUntraced(function* (account: Account, grant: string) {
    const found = (yield* grantsOf(account.id)).find(({ id }) => id === grant)
    if (found !== undefined && (yield* revokeGrant(account.id, grant))) {
      audit.recordSoon({
        actor: { subject: account.name, client, source: "oauth" },
        action: "oauth.revoke",
        target: found.client,
        outcome: "succeeded"
      })
    }
    return redirect(self)
  })

  /** `form`: of a POST. */
  return Effect.fnUntraced(function* (request: Request, address: string, form: URLSearchParams | undefined) {
    const node = toNode(request, publicUrl, address)
    const context = provider.createContext(node.request, node.response)
    const session = yield* Effect.promise(() => provider.Session.get(context))
    const account = session.accountId === undefined ? undefined : yield* accounts.find(session.accountId)
    const decision = form?.get("decision")

    /** Sets the cookie, or removes it. */
    const withCookie = (value: string | null) => {
      context.cookies.set(provider.cookieName("session"), value, {
        ...sessionCookie(publicUrl).options,
        secure: publicUrl.startsWith("https:"),
        ...(value !== null && { maxAge: lifetime * 1000 })
      })
      const response = redirect(self)
      const cookies = node.response.getHeader("set-cookie")
      for (const each of [cookies].flat())
        if (each !== undefined) response.headers.append("set-cookie", String(each))
      return response
    }

    if (account !== undefined) {
      if (decision === "disconnect") return yield* disconnect(account, form?.get("grant") ?? "")
      if (decision !== "sign-out") return form === undefined ? yield* show(account) : redirect(self)
      yield* Effect.promise(() => session.destroy())
      return withCookie(null)
    }
    if (decision !== "sign-in" || form === undefined) return accountSignInPage({ service })
    const name = form.get("account") ?? ""
    const result = yield* signIn({ name, password: form.get("password") ?? "", address, client })
    if (!isSignedIn(result)) return accountSignInPage({ service, account: name, ...result })
    session.loginAccount({ accountId: result.id })
    // A cookie that another person has set before is worthless.
    session.resetIdentifier()
    yield* Effect.promise(() => session.save(lifetime))
    return withCookie(session.jti)
  })
}
