/** State of an authorization server: its issuer, the endpoints of the settings, and readable errors of the SDK. */
import type { OAuthDiscoveryState } from "@modelcontextprotocol/client"
import type { OAuthSettings } from "./OAuthSettings.ts"

/** Maximum characters of an error of the SDK, which may contain text of the server. */
const maxDetail = 300

export const messageOf = (cause: unknown): string => {
  const message = cause instanceof Error ? cause.message : String(cause)
  return message.replace(/[\p{Cc}\s]+/gu, " ").slice(0, maxDetail)
}

export const issuerOf = ({
  authorizationServerMetadata,
  authorizationServerUrl
}: OAuthDiscoveryState): string => authorizationServerMetadata?.issuer ?? authorizationServerUrl

/** Endpoints of the settings instead of metadata. */
export const configuredServer = (settings: OAuthSettings): OAuthDiscoveryState | undefined => {
  const { authorization_url, token_url } = settings
  if (token_url === undefined) return undefined
  const issuer = settings.issuer ?? new URL(token_url).origin
  return {
    authorizationServerUrl: issuer,
    authorizationServerMetadata: {
      issuer,
      authorization_endpoint: authorization_url ?? token_url,
      token_endpoint: token_url,
      response_types_supported: ["code"],
      code_challenge_methods_supported: ["S256"]
    }
  }
}
