/** Tokens of a response of an authorization server in the form in which they are stored. */
import type { OAuthTokens } from "@modelcontextprotocol/client"
import type { AuthorizationFlow } from "./authorizationFlow.ts"
import type { StoredTokens } from "./Credentials.ts"

/** Tokens are renewed this long before they expire, in milliseconds, or a tenth of their lifetime if that is less. */
const early = 30_000

/** `configured`: the client is that of the settings, whose secret is not stored. `undefined`: the flow has no client. */
export const storedTokens = (
  { client, discovery, resource }: Pick<AuthorizationFlow, "client" | "discovery" | "resource">,
  { access_token, expires_in, refresh_token, scope }: OAuthTokens,
  { configured, now }: { readonly now: number; readonly configured: boolean }
): StoredTokens | undefined =>
  client === undefined || discovery === undefined
    ? undefined
    : {
        access_token,
        ...(refresh_token !== undefined && { refresh_token }),
        ...(scope !== undefined && { scope }),
        ...(expires_in !== undefined && {
          expires_at: now + expires_in * 1000,
          renew_at: now + expires_in * 1000 - Math.min(early, expires_in * 100)
        }),
        client: configured ? { client_id: client.client_id, issuer: client.issuer } : client,
        authorization_server: discovery.authorizationServerUrl,
        metadata: discovery.authorizationServerMetadata,
        ...(resource !== undefined && { resource })
      }
