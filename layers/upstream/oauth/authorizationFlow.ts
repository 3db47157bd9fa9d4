/** One authorization at an authorization server: the state that the official SDK's `auth()` reads and writes. */
import type {
  AddClientAuthentication,
  OAuthClientProvider,
  OAuthDiscoveryState,
  OAuthTokens
} from "@modelcontextprotocol/client"
import type { RegisteredClient } from "./Credentials.ts"

export interface AuthorizationFlow {
  /** `undefined`: no user takes part (client credentials). */
  readonly redirectUrl: string | undefined
  /** URL of the client id metadata document, if the redirect URL is in it. */
  readonly clientMetadataUrl: string | undefined
  readonly clientName: string
  readonly scope: string | undefined
  /** Bound to this flow, single use. */
  readonly state: string
  /** Whether the client may be registered: it was not configured. */
  readonly registers: boolean
  /** Replaces the client secret. */
  readonly addClientAuthentication?: AddClientAuthentication | undefined
  client: RegisteredClient | undefined
  discovery: OAuthDiscoveryState | undefined
  resource: string | undefined
  verifier: string
  url: URL | undefined
  tokens: OAuthTokens | undefined
}

export const toProvider = (flow: AuthorizationFlow): OAuthClientProvider => {
  const { addClientAuthentication, clientMetadataUrl, clientName, redirectUrl, registers, scope } = flow
  const interactive = redirectUrl !== undefined
  return {
    redirectUrl,
    ...(clientMetadataUrl !== undefined && { clientMetadataUrl }),
    clientMetadata: {
      client_name: clientName,
      redirect_uris: interactive ? [redirectUrl] : [],
      grant_types: interactive ? ["authorization_code", "refresh_token"] : ["client_credentials"],
      response_types: interactive ? ["code"] : [],
      token_endpoint_auth_method: "none",
      ...(scope !== undefined && { scope })
    },
    ...(addClientAuthentication !== undefined && { addClientAuthentication }),
    state: () => flow.state,
    clientInformation: () => flow.client,
    ...(registers && {
      saveClientInformation: ({ issuer = "", ...client }) => {
        const { client_id, client_secret } = client
        flow.client = {
          client_id,
          issuer,
          ...(client_secret !== undefined && { client_secret }),
          ...(client.client_secret_expires_at !== undefined && {
            client_secret_expires_at: client.client_secret_expires_at
          }),
          ...("scope" in client && client.scope !== undefined && { scope: client.scope }),
          ...("token_endpoint_auth_method" in client &&
            client.token_endpoint_auth_method !== undefined && {
              token_endpoint_auth_method: client.token_endpoint_auth_method
            }),
          ...(redirectUrl !== undefined && { redirect_uri: redirectUrl })
        }
      }
    }),
    // A flow begins without tokens: refreshing is not a part of it.
    tokens: () => undefined,
    saveTokens: (tokens) => {
      flow.tokens = tokens
    },
    redirectToAuthorization: (url) => {
      flow.url = url
    },
    saveCodeVerifier: (verifier) => {
      flow.verifier = verifier
    },
    codeVerifier: () => flow.verifier,
    saveResourceUrl: (resource) => {
      flow.resource = resource
    },
    saveDiscoveryState: (discovery) => {
      flow.discovery = discovery
    },
    discoveryState: () => flow.discovery,
    ...(!interactive && {
      prepareTokenRequest: (requested?: string) =>
        new URLSearchParams({
          grant_type: "client_credentials",
          ...(requested !== undefined && requested !== "" && { scope: requested })
        })
    })
  }
}
