/** Requests to the authorization server of an upstream server, made by the official SDK's client. */
import type { FetchLike, OAuthDiscoveryState, OAuthTokens } from "@modelcontextprotocol/client"
import { Effect, Redacted } from "effect"
import { UpstreamError } from "../UpstreamError.ts"
import { type AuthorizationFlow, toProvider } from "./authorizationFlow.ts"
import type { CredentialOwner, RegisteredClient, Stored, StoredTokens } from "./Credentials.ts"
import type { OAuthSettings } from "./OAuthSettings.ts"
import { configuredServer, issuerOf, messageOf } from "./discoveryState.ts"
import * as savedFlow from "./savedFlow.ts"
import { includesScopes } from "./scopes.ts"
import type { CallbackPlace } from "./SignIns.ts"
import { storedTokens } from "./storedTokens.ts"
import { TokenRequestError, tokenRequests } from "./tokenRequests.ts"

/** `WWW-Authenticate` of a rejected request (RFC 6750, RFC 9728). */
export interface Challenge {
  readonly metadataUrl: URL | undefined
  readonly scope: string | undefined
}

export interface BeginOptions {
  readonly challenge: Challenge
  readonly known: Stored["issuers"]
  readonly place: CallbackPlace
  readonly scope: string | undefined
  readonly state: string
}

export interface Begun {
  readonly url: string
  readonly issuer: string
  /** Text from which `resume` makes it again. */
  readonly saved: string
  /** Checks the issuer of the response (RFC 9207), and exchanges its code. */
  readonly finish: (params: URLSearchParams) => Effect.Effect<StoredTokens, UpstreamError>
}

export interface RequestsOptions {
  readonly owner: CredentialOwner
  readonly settings: OAuthSettings
  readonly clientName: string
  readonly fetch: FetchLike
}

export const authorizationRequests = async ({ clientName, fetch, owner, settings }: RequestsOptions) => {
  const sdk = await import("@modelcontextprotocol/client")
  const { server, url: serverUrl } = owner
  const fetchFn = tokenRequests(fetch)
  const secret = settings.client_secret && Redacted.value(settings.client_secret)

  const { client_id = "", private_key, signing_algorithm = "ES256" } = settings
  const addClientAuthentication =
    private_key &&
    sdk.createPrivateKeyJwtAuth({
      issuer: client_id,
      subject: client_id,
      privateKey: Redacted.value(private_key),
      alg: signing_algorithm
    })

  const failed = (detail: string) =>
    new UpstreamError({ server, stage: "authenticate", detail, unsent: true })
  /** The metadata names another issuer (RFC 8414, section 3.3). */
  const otherIssuer = (detail: string) =>
    new UpstreamError({ server, stage: "authenticate", detail, unsent: true, permanent: true })
  const failure =
    (what: string) =>
    (cause: unknown): UpstreamError =>
      cause instanceof UpstreamError
        ? cause
        : cause instanceof TokenRequestError
          ? failed(cause.detail)
          : (cause instanceof sdk.IssuerMismatchError ? otherIssuer : failed)(`${what}: ${messageOf(cause)}`)

  const discover = Effect.fnUntraced(function* ({ metadataUrl }: Challenge) {
    const found =
      configuredServer(settings) ??
      (yield* Effect.tryPromise({
        try: () =>
          sdk.discoverOAuthServerInfo(serverUrl, {
            fetchFn,
            ...(metadataUrl !== undefined && { resourceMetadataUrl: metadataUrl })
          }),
        catch: failure("the authorization server could not be found")
      }))
    const issuer = issuerOf(found)
    if (settings.issuer !== undefined && settings.issuer !== issuer) {
      return yield* otherIssuer(`the server names the issuer ${messageOf(issuer)} instead of oauth.issuer`)
    }
    return {
      ...found,
      ...(metadataUrl !== undefined && { resourceMetadataUrl: metadataUrl.href })
    } satisfies OAuthDiscoveryState
  })

  const configuredClient = (issuer: string): RegisteredClient | undefined =>
    settings.client_id === undefined
      ? undefined
      : { client_id: settings.client_id, issuer, ...(secret !== undefined && { client_secret: secret }) }

  /** A registration for this redirect URI and these scopes. */
  const usable = (client: RegisteredClient | undefined, { place, scope }: BeginOptions) =>
    client !== undefined &&
    client.redirect_uri === place.redirectUrl &&
    (client.scope === undefined || includesScopes(client.scope, scope))
      ? client
      : undefined

  const toStored = Effect.fnUntraced(function* (
    flow: Pick<AuthorizationFlow, "client" | "discovery" | "resource">,
    issued: OAuthTokens
  ) {
    const now = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const stored = storedTokens(flow, issued, { now, configured: settings.client_id !== undefined })
    return stored ?? (yield* failed("no tokens were issued"))
  })

  const newFlow = (options: {
    readonly discovery: OAuthDiscoveryState
    readonly client: RegisteredClient | undefined
    readonly place: CallbackPlace | undefined
    readonly scope: string | undefined
    readonly state: string
  }): AuthorizationFlow => ({
    redirectUrl: options.place?.redirectUrl,
    clientMetadataUrl: options.place?.clientMetadataUrl,
    clientName,
    scope: options.scope,
    state: options.state,
    registers: settings.client_id === undefined,
    addClientAuthentication,
    client: options.client,
    discovery: options.discovery,
    resource: undefined,
    verifier: "",
    url: undefined,
    tokens: undefined
  })

  const authorize = (
    flow: AuthorizationFlow,
    what: string,
    extra: { readonly authorizationCode?: string; readonly iss?: string | undefined } = {}
  ) =>
    Effect.tryPromise({
      try: () =>
        sdk.auth(toProvider(flow), {
          serverUrl,
          fetchFn,
          forceReauthorization: true,
          ...(flow.scope !== undefined && { scope: flow.scope }),
          ...(extra.authorizationCode !== undefined && { authorizationCode: extra.authorizationCode }),
          ...(extra.iss !== undefined && { iss: extra.iss })
        }),
      catch: failure(what)
    })

  const finish = (flow: AuthorizationFlow) =>
    Effect.fnUntraced(function* (params: URLSearchParams) {
      const metadata = flow.discovery?.authorizationServerMetadata
      const iss = params.get("iss") ?? undefined
      yield* Effect.try({
        try: () =>
          sdk.validateAuthorizationResponseIssuer({
            iss,
            expectedIssuer: metadata?.issuer,
            issParameterSupported: metadata?.authorization_response_iss_parameter_supported === true
          }),
        catch: () => failed("the response came from another authorization server (iss)")
      })
      const code = params.get("code")
      if (code === null) {
        const error = params.get("error") ?? ""
        return yield* failed(
          /^[a-z_]{1,64}$/.test(error)
            ? `the authorization server responds: ${error}`
            : "the response has neither a code nor an error"
        )
      }
      yield* authorize(flow, "the code could not be exchanged", { authorizationCode: code, iss })
      return flow.tokens === undefined
        ? yield* failed("no tokens were issued")
        : yield* toStored(flow, flow.tokens)
    })

  return {
    challengeOf: async (response: Response): Promise<Challenge> => {
      const { resourceMetadataUrl, scope } = sdk.extractWWWAuthenticateParams(response)
      return { metadataUrl: resourceMetadataUrl, scope }
    },

    /** Whether the server, or the settings, name an authorization server. */
    offersSignIn: (challenge: Challenge) =>
      Effect.map(discover(challenge), (found) => found.authorizationServerMetadata !== undefined),

    /** Whether the tokens were issued to the client of the settings. */
    isOwn: ({ client }: StoredTokens): boolean =>
      settings.client_id === undefined || settings.client_id === client.client_id,

    /** Discovers the authorization server, registers this program if necessary, and makes the URL for the browser. */
    begin: Effect.fnUntraced(function* (options: BeginOptions) {
      const discovery = yield* discover(options.challenge)
      const issuer = issuerOf(discovery)
      const metadata = discovery.authorizationServerMetadata
      const client = configuredClient(issuer) ?? usable(options.known[issuer]?.client, options)
      const documented =
        metadata?.client_id_metadata_document_supported === true &&
        options.place.clientMetadataUrl !== undefined
      if (client === undefined && !documented && metadata && metadata.registration_endpoint === undefined) {
        return yield* failed(
          "the authorization server does not register clients: create a client there, and set oauth.client_id"
        )
      }
      const { place, scope, state } = options
      const flow = newFlow({ client, discovery, place, scope, state })
      yield* authorize(flow, "the sign-in could not begin")
      if (flow.url === undefined) return yield* failed("the authorization server has no sign-in page")
      const saved = savedFlow.toText(
        { ...flow, client: settings.client_id === undefined ? flow.client : undefined },
        issuer
      )
      const begun: Begun = { url: flow.url.href, issuer, saved, finish: finish(flow) }
      return begun
    }),

    /** A sign-in that began before a restart. */
    resume: (text: string): Effect.Effect<Pick<Begun, "finish" | "issuer">, UpstreamError> =>
      savedFlow.fromText(text).pipe(
        Effect.mapError(() => failed("the sign-in began with another version; start it again")),
        Effect.map(({ client, issuer, place, resource, scope, state, verifier, ...found }) => {
          // It was stored as the SDK had validated it.
          const discovery = found.discovery as OAuthDiscoveryState
          const flow = newFlow({
            discovery,
            client: configuredClient(issuer) ?? client,
            place,
            scope,
            state
          })
          return { issuer, finish: finish({ ...flow, resource, verifier }) }
        })
      ),

    clientCredentials: Effect.fnUntraced(function* (challenge: Challenge) {
      const discovery = yield* discover(challenge)
      const client = configuredClient(issuerOf(discovery))
      const scope = settings.scopes?.join(" ") ?? challenge.scope
      const flow = newFlow({ client, discovery, place: undefined, scope, state: "" })
      yield* authorize(flow, "no access token was issued")
      return flow.tokens === undefined
        ? yield* failed("no access token was issued")
        : yield* toStored(flow, flow.tokens)
    }),

    refresh: Effect.fnUntraced(function* (tokens: StoredTokens, refreshToken: string) {
      const client = configuredClient(tokens.client.issuer) ?? tokens.client
      // It was stored as the SDK had validated it.
      const metadata = tokens.metadata as OAuthDiscoveryState["authorizationServerMetadata"]
      const renewed = yield* Effect.tryPromise({
        try: () =>
          sdk.refreshAuthorization(tokens.authorization_server, {
            clientInformation: client,
            refreshToken,
            fetchFn,
            ...(metadata !== undefined && { metadata }),
            ...(tokens.resource !== undefined && { resource: tokens.resource })
          }),
        catch: (cause) =>
          cause instanceof TokenRequestError
            ? cause
            : new TokenRequestError({
                code: "unreachable",
                detail: `the access token could not be renewed: ${messageOf(cause)}`
              })
      })
      const { resource, scope } = tokens
      const discovery: OAuthDiscoveryState = {
        authorizationServerUrl: tokens.authorization_server,
        ...(metadata !== undefined && { authorizationServerMetadata: metadata })
      }
      // Without `scope` in the response the scopes are unchanged (RFC 6749, section 5.1).
      return yield* toStored(
        { client: tokens.client, discovery, resource },
        { ...(scope !== undefined && { scope }), ...renewed }
      )
    })
  }
}
export type AuthorizationRequests = Awaited<ReturnType<typeof authorizationRequests>>
