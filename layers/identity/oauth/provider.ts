/** Configuration of oidc-provider: what the OAuth server supports, and where it keeps its state. */
import { Duration, Redacted } from "effect"
import {
  errors,
  Provider,
  type AdapterFactory,
  type Configuration,
  type ErrorOut,
  type KoaContextWithOIDC
} from "oidc-provider"
import { clientId } from "./clients.ts"
import { messagePage } from "../../http/htmlPage.ts"
import { everyScope, toOAuth } from "../../../src/domain/scopes.ts"
import type { Account } from "./Accounts.ts"
import { cookieSignatures } from "./cookieSignatures.ts"
import type { Keys } from "./keys.ts"
import { signatureAlgorithm } from "./keys.ts"
import { proofAlgorithms } from "../proofAlgorithms.ts"
import type { Resources } from "./resources.ts"
import { isWholeHost } from "./resumeCookie.ts"
import type { OAuthSettings } from "./settings.ts"

/** Length of opaque tokens: 43 characters of base64url. */
const tokenBits = 256

/** Lifetimes in seconds that need no setting. A code is redeemed at once; an interaction waits for a person. */
const codeSeconds = 60
const interactionSeconds = 15 * 60
const idTokenSeconds = 10 * 60

/** Largest documents that are fetched, in bytes. */
const maxDocument = 64 * 1024

export interface ProviderOptions {
  /** The public URL, without a trailing slash. */
  readonly issuer: string
  readonly settings: OAuthSettings
  /** Key of the nonces for DPoP. */
  readonly nonceKey: Redacted.Redacted<Uint8Array>
  readonly keys: Keys
  readonly adapter: AdapterFactory
  readonly account: (id: string) => Promise<Account | undefined>
  readonly resources: Resources
  /** Requests client metadata documents and key sets, at public addresses only. */
  readonly fetch: (url: string, init?: RequestInit) => Promise<Response>
  /** Whether the document of this client id may be fetched now. */
  readonly mayFetch: () => boolean
}

/** As OAuth clients name them. */
export const supportedScopes = (settings: Pick<OAuthSettings, "scopes">): ReadonlyArray<string> => [
  ...new Set([...everyScope, ...settings.scopes].map(toOAuth))
]

/** Scopes of OpenID Connect: `openid` asks for an ID token, `offline_access` for a refresh token, which all clients get. */
export const identityScopes: ReadonlyArray<string> = ["openid", "offline_access"]

/** The library looks for an undici dispatcher, to protect the fetch of Node.js, and warns on the console without one. */
const dispatcher = Symbol.for("undici.globalDispatcher.1")
class UnusedDispatcher {
  on() {
    return this
  }
}

/** A redirect URI is `https:`, `http:` to this machine of the user, or of a private scheme (RFC 8252). */
const loopbackHosts: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"])
export const isSafeRedirect = (uri: string): boolean => {
  const url = URL.parse(uri)
  return url !== null && (url.protocol !== "http:" || loopbackHosts.has(url.hostname))
}

const pageTitles: Readonly<Record<string, string>> = {
  invalid_client: "Unknown application",
  invalid_client_metadata: "Unknown application",
  invalid_redirect_uri: "Wrong redirect address",
  access_denied: "Access denied"
}

const errorText = ({ error, error_description: description }: ErrorOut) =>
  `The application sent a request that the server cannot accept: ${description ?? error} (${error}). ` +
  "Go back to the application and connect it again."

const clientIdOf = ({ oidc }: KoaContextWithOIDC): string => {
  const metadata = oidc.body ?? {}
  const method = metadata["token_endpoint_auth_method"]
  return method === "none" || method === "private_key_jwt" ? clientId(metadata) : crypto.randomUUID()
}

/**
 * Of the session of a browser. Without a path in the public URL it has the prefix `__Host-`: other hosts of the same domain, such as
 * published applications, cannot replace it by the session of another person (RFC 6265bis, section 4.1.3.2).
 */
export const sessionCookie = (issuer: string) => {
  const { pathname } = new URL(issuer)
  const isOfHost = isWholeHost(issuer)
  return {
    name: isOfHost ? "__Host-manifold_session" : "manifold_session",
    options: {
      httpOnly: true,
      sameSite: "lax",
      signed: true,
      path: isOfHost ? "/" : `${pathname.replace(/\/$/, "")}/oauth`
    }
  } as const
}

export const makeProvider = ({
  account,
  adapter,
  fetch,
  issuer,
  keys,
  mayFetch,
  nonceKey,
  resources,
  settings
}: ProviderOptions): Provider => {
  const seconds = (duration: Duration.Duration) => Math.max(1, Math.round(Duration.toSeconds(duration)))
  const path = new URL(issuer).pathname.replace(/\/$/, "")
  const session = sessionCookie(issuer)
  const accessSeconds = seconds(settings.access_token_ttl)
  const configuration: Configuration = {
    adapter,
    jwks: { keys: keys.signing.map((key) => ({ ...key })) },
    clients: [],
    cookies: {
      keys: cookieSignatures(keys.cookies),
      names: { session: session.name, interaction: "manifold_interaction", resume: "manifold_resume" },
      long: session.options,
      short: { httpOnly: true, sameSite: "lax", signed: true }
    },
    scopes: [...identityScopes, ...supportedScopes(settings)],
    claims: { openid: ["sub"] },
    subjectTypes: ["public"],
    pkce: { required: () => true },
    responseTypes: ["code"],
    clientAuthMethods: ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
    enabledJWA: {
      idTokenSigningAlgValues: [signatureAlgorithm],
      dPoPSigningAlgValues: [...proofAlgorithms]
    },
    clientDefaults: { id_token_signed_response_alg: signatureAlgorithm },
    formats: { bitsOfOpaqueRandomness: tokenBits },
    rotateRefreshToken: true,
    expiresWithSession: () => false,
    issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
    // The listener has checked the origin.
    clientBasedCORS: () => true,
    ttl: {
      AccessToken: accessSeconds,
      AuthorizationCode: codeSeconds,
      Grant: seconds(settings.grant_ttl),
      IdToken: idTokenSeconds,
      Interaction: interactionSeconds,
      RefreshToken: seconds(settings.refresh_token_ttl),
      Session: seconds(settings.session_ttl)
    },
    routes: {
      authorization: "/oauth/authorize",
      token: "/oauth/token",
      jwks: "/oauth/jwks",
      registration: "/oauth/register",
      introspection: "/oauth/introspect",
      revocation: "/oauth/revoke",
      end_session: "/oauth/logout",
      userinfo: "/oauth/userinfo"
    },
    interactions: { url: (_, { uid }) => `${path}/oauth/interaction/${uid}` },
    findAccount: async (_, id) => {
      const found = await account(id)
      return found && { accountId: id, claims: () => ({ sub: id }) }
    },
    /** A scope that the user's account did not have when it was rejected is offered again. */
    loadExistingGrant: async ({ oidc }) => {
      const decided = oidc.result?.consent?.grantId
      const id = decided ?? (oidc.client && oidc.session?.grantIdFor(oidc.client.clientId))
      const grant = id === undefined ? undefined : await oidc.provider.Grant.find(id)
      if (grant !== undefined && decided === undefined) delete grant.rejected
      return grant
    },
    renderError: async (ctx, out) => {
      const title = pageTitles[out.error] ?? "The request cannot be accepted"
      const page = messagePage(ctx.status, title, errorText(out))
      for (const [name, value] of page.headers) ctx.set(name, value)
      ctx.body = await page.text()
    },
    fetch: (url, init) => {
      Reflect.deleteProperty(globalThis, dispatcher)
      return fetch(String(url), init)
    },
    fetchResponseBodyLimits: { "client_id metadata document": maxDocument, jwks_uri: maxDocument },
    features: {
      devInteractions: { enabled: false },
      dPoP: {
        enabled: true,
        ...(settings.dpop_nonce && { nonceSecret: Buffer.from(Redacted.value(nonceKey)) }),
        requireNonce: () => settings.dpop_nonce
      },
      registration: {
        enabled: true,
        // Clients that register again are one client, which none of them may change.
        issueRegistrationAccessToken: false,
        idFactory: clientIdOf
      },
      introspection: {
        enabled: true,
        // A public client sees its own tokens only.
        allowedPolicy: (_, client, token) =>
          client.clientAuthMethod !== "none" || token.clientId === client.clientId
      },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => token.clientId === client.clientId },
      userinfo: { enabled: false },
      rpInitiatedLogout: { enabled: false },
      clientIdMetadataDocument: {
        enabled: true,
        ack: "draft-02",
        cacheDuration: { min: 60, max: 24 * 60 * 60 },
        allowFetch: () => {
          const allowed = mayFetch()
          if (allowed && Reflect.get(globalThis, dispatcher) === undefined) {
            Reflect.set(globalThis, dispatcher, new UnusedDispatcher())
          }
          return allowed
        },
        allowClient: (_, client) => (client.redirectUris ?? []).every(isSafeRedirect)
      },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => resources.default,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, indicator) => {
          const audience = resources.find(indicator)
          if (audience === undefined) throw new errors.InvalidTarget()
          return {
            scope: supportedScopes(settings).join(" "),
            audience,
            accessTokenTTL: accessSeconds,
            // Stored tokens can be revoked at once.
            accessTokenFormat: "opaque"
          }
        }
      }
    }
  }
  return new Provider(issuer, configuration)
}
