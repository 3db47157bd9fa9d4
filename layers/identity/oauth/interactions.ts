/** Sign-in and consent of one authorization request, in the browser of a person. */
import { Clock, Effect, Schema } from "effect"
import { errors, type Provider } from "oidc-provider"
import { messagePage } from "../../http/htmlPage.ts"
import { toNode } from "../../http/nodeBridge.ts"
import { covers, fromOAuth } from "../../../src/domain/scopes.ts"
import type { Audit } from "../../audit/Audit.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import type { Account, Accounts } from "./Accounts.ts"
import { applicationOf } from "./applicationSignIn.ts"
import { applicationPage, consentPage, signInPage, type PageContext } from "./pages.ts"
import { identityScopes } from "./provider.ts"
import { isSignedIn, type SignIn } from "./signIn.ts"

export const interactionPath = "/oauth/interaction/"

export interface InteractionOptions {
  readonly provider: Provider
  readonly publicUrl: string
  readonly service: string
  readonly accounts: Accounts["Service"]
  readonly audit: Audit["Service"]
  /** Ends the session of a browser. */
  readonly endSession: (uid: string) => Effect.Effect<void, DatabaseError>
  /** Whether a host is that of a protected application. */
  readonly isProtected: (host: string) => boolean
  readonly signIn: SignIn
}

type Details = Awaited<ReturnType<Provider["interactionDetails"]>>

const expired = () =>
  messagePage(
    400,
    "This sign-in has ended",
    "It was already finished, took too long, or was started in another browser. Go back to the application and connect it again."
  )

const Missing = Schema.Struct({
  missingOIDCScope: Schema.optionalKey(Schema.Array(Schema.String)),
  missingResourceScopes: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.String)))
})
const decodeMissing = Schema.decodeUnknownEffect(Missing)

/** The URL of an authorization request with these parameters. `prompt` replaces theirs. */
export const authorizationUrl = (
  issuer: string,
  params: Readonly<Record<string, unknown>>,
  prompt?: "login"
): URL => {
  const url = new URL(`${issuer}/oauth/authorize`)
  for (const [key, value] of Object.entries(params)) {
    if (key === "prompt") continue
    for (const each of [value].flat()) if (typeof each === "string") url.searchParams.append(key, each)
  }
  if (prompt !== undefined) url.searchParams.set("prompt", prompt)
  return url
}

export const redirect = (to: string) =>
  new Response(null, { status: 303, headers: { location: to, "cache-control": "no-store" } })

export const make = ({
  accounts,
  audit,
  endSession,
  isProtected,
  provider,
  publicUrl,
  service,
  signIn
}: InteractionOptions) => {
  const contextOf = Effect.fnUntraced(function* ({ params }: Details) {
    const id = String(params["client_id"])
    const client = yield* Effect.promise(() => provider.Client.find(id))
    return {
      service,
      redirectUri: String(params["redirect_uri"]),
      client: { id, name: client?.clientName, documented: client?.clientIdMetadataDocument === true },
      application: applicationOf(params, isProtected)
    } satisfies PageContext
  })

  /** The scopes that the page is about: those of the account, and the others. */
  const scopesOf = Effect.fnUntraced(function* (details: Details, account: Account) {
    const missing = yield* Effect.orDie(decodeMissing(details.prompt.details))
    const requested = Object.entries(missing.missingResourceScopes ?? {})
    const available = requested.map(
      ([resource, scopes]) =>
        [resource, scopes.filter((scope) => covers(account.scopes, fromOAuth(scope)))] as const
    )
    const unavailable = requested.map(
      ([resource, scopes]) =>
        [resource, scopes.filter((scope) => !covers(account.scopes, fromOAuth(scope)))] as const
    )
    return { identity: missing.missingOIDCScope ?? [], available, unavailable }
  })

  const flat = (scopes: ReadonlyArray<readonly [string, ReadonlyArray<string>]>) => [
    ...new Set(scopes.flatMap(([, each]) => each))
  ]

  const consent = Effect.fnUntraced(function* (details: Details, account: Account) {
    const { available, unavailable } = yield* scopesOf(details, account)
    const requested = details.params["resource"]
    const page = { ...(yield* contextOf(details)), account: account.name }
    const { application } = page
    if (application !== undefined) {
      return applicationPage({ ...page, application, issuer: publicUrl, unavailable: flat(unavailable) })
    }
    return consentPage({
      ...page,
      resources: [requested].flat().filter((each) => typeof each === "string"),
      scopes: flat(available).filter((scope) => !identityScopes.includes(scope)),
      unavailable: flat(unavailable)
    })
  })

  const accountOf = Effect.fnUntraced(function* ({ session }: Details) {
    return session === undefined ? undefined : yield* accounts.find(session.accountId)
  })

  const show = Effect.fnUntraced(function* (details: Details) {
    if (details.prompt.name === "login") return signInPage(yield* contextOf(details))
    const account = yield* accountOf(details)
    return account === undefined ? expired() : yield* consent(details, account)
  })

  /**
   * Ends the session of the browser, and detaches the request from it. Otherwise the library would show a page with a script to
   * sign out first.
   */
  const signOut = Effect.fnUntraced(function* (details: Details, uid: string, now: number) {
    yield* endSession(uid)
    delete details.session
    yield* Effect.promise(() => details.save(details.exp - Math.floor(now / 1000)))
  })

  const login = Effect.fnUntraced(function* (details: Details, form: URLSearchParams, address: string) {
    const name = form.get("account") ?? ""
    const page = { ...(yield* contextOf(details)), account: name }
    const result = yield* signIn({
      name,
      password: form.get("password") ?? "",
      address,
      client: page.client.id
    })
    if (!isSignedIn(result)) return signInPage({ ...page, ...result })
    const { session } = details
    if (session !== undefined && session.accountId !== result.id) {
      yield* signOut(details, session.uid, yield* Clock.currentTimeMillis)
    }
    return { login: { accountId: result.id } }
  })

  const allow = Effect.fnUntraced(function* (details: Details) {
    const account = yield* accountOf(details)
    if (account === undefined) return expired()
    const { available, identity, unavailable } = yield* scopesOf(details, account)
    const grantId = yield* Effect.promise(async () => {
      const found = details.grantId === undefined ? undefined : await provider.Grant.find(details.grantId)
      const grant =
        found ?? new provider.Grant({ accountId: account.id, clientId: String(details.params["client_id"]) })
      delete grant.rejected
      if (identity.length > 0) grant.addOIDCScope(identity.join(" "))
      for (const [resource, scopes] of available) {
        if (scopes.length > 0) grant.addResourceScope(resource, scopes.join(" "))
      }
      for (const [resource, scopes] of unavailable) {
        if (scopes.length > 0) grant.rejectResourceScope(resource, scopes.join(" "))
      }
      return grant.save()
    })
    audit.recordSoon({
      actor: { subject: account.name, client: String(details.params["client_id"]), source: "oauth" },
      action: "oauth.grant",
      target: String(details.params["client_id"]),
      outcome: "succeeded",
      details: { scopes: flat(available) }
    })
    return { consent: { grantId } }
  })

  const denied = { error: "access_denied", error_description: "the user denied access" }

  /** The same request again, with a sign-in, until which the other account stays signed in. */
  const otherAccount = ({ params }: Details) => redirect(authorizationUrl(publicUrl, params, "login").href)

  const decide = (details: Details, form: URLSearchParams, address: string) => {
    const decision = form.get("decision")
    if (decision === "deny") return Effect.succeed(denied)
    if (decision === "switch") return Effect.succeed(otherAccount(details))
    if (details.prompt.name === "login") return login(details, form, address)
    // A form of the page before, sent again.
    return decision === "allow" ? allow(details) : show(details)
  }

  /** `form`: of a POST. `ended`: the response if the interaction has ended. */
  return Effect.fnUntraced(function* (
    request: Request,
    address: string,
    form: URLSearchParams | undefined,
    ended: Effect.Effect<Response | undefined, DatabaseError>
  ) {
    const node = toNode(request, publicUrl, address)
    const details = yield* Effect.promise(() =>
      provider.interactionDetails(node.request, node.response).catch((error: unknown) => {
        if (error instanceof errors.SessionNotFound) return undefined
        throw error
      })
    )
    const uid = new URL(request.url).pathname.slice(interactionPath.length)
    if (details === undefined || details.uid !== uid) return (yield* ended) ?? expired()
    if (form === undefined) return yield* show(details)
    const result = yield* decide(details, form, address)
    if (result instanceof Response) return result
    const next = yield* Effect.promise(() =>
      provider.interactionResult(node.request, node.response, result, {
        mergeWithLastSubmission: !("login" in result)
      })
    )
    return redirect(next)
  })
}
