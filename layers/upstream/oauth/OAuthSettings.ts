/** Settings of the sign-in at an upstream server: the key `oauth` of a server in `mcpServers`. */
import { Schema } from "effect"
import { Secret } from "../../config/Secret.ts"
import * as Section from "../../config/Section.ts"

const isWebUrl = Schema.isPattern(/^https?:\/\/[^\s/]+/i, {
  expected: "a URL such as https://login.example.com"
})
const url = (description: string) =>
  Schema.optionalKey(Schema.String.check(isWebUrl).annotate({ description }))

export const OAuthSettings = Schema.Struct({
  grant: Section.optional(
    Schema.Literals(["authorization_code", "client_credentials"]),
    "authorization_code",
    "`authorization_code`: a user signs in with a browser. `client_credentials`: this program signs in with its own client id and secret."
  ),
  client_id: Schema.optionalKey(
    Schema.NonEmptyString.annotate({
      description: "Client id from the authorization server. Default: this program registers itself."
    })
  ),
  client_secret: Schema.optionalKey(
    Secret.annotate({ description: "Client secret, if the client has one." })
  ),
  private_key: Schema.optionalKey(
    Secret.annotate({
      description:
        "Private key (PEM, PKCS #8) instead of a secret for `client_credentials`: the client authenticates with a signed JWT (RFC 7523)."
    })
  ),
  signing_algorithm: Schema.optionalKey(
    Schema.Literals(["ES256", "ES384", "RS256", "PS256", "EdDSA"]).annotate({
      description: "Algorithm of `private_key`. Default: `ES256`."
    })
  ),
  scopes: Schema.optionalKey(
    Schema.Array(Schema.NonEmptyString).annotate({
      description: "Scopes to request. Default: those that the server names."
    })
  ),
  issuer: url("Issuer of the authorization server; a server that names another one is rejected."),
  authorization_url: url("Authorization endpoint, for a server without metadata; requires `token_url`."),
  token_url: url("Token endpoint, for a server without metadata."),
  redirect_uri: url("Redirect URI that is registered for `client_id`. Default: the callback of this program.")
}).check(
  Schema.makeFilter(({ authorization_url, client_id, client_secret, grant, private_key, token_url }) => {
    const isMachine = grant === "client_credentials"
    if (isMachine && (client_id === undefined || (client_secret ?? private_key) === undefined)) {
      return {
        path: ["grant"],
        issue: "client_credentials requires client_id, and client_secret or private_key"
      }
    }
    if (private_key !== undefined && !isMachine)
      return { path: ["private_key"], issue: "requires the grant client_credentials" }
    if (client_secret !== undefined && client_id === undefined)
      return { path: ["client_secret"], issue: "requires client_id" }
    if (authorization_url !== undefined && token_url === undefined)
      return { path: ["authorization_url"], issue: "requires token_url" }
    if (token_url !== undefined && authorization_url === undefined && grant === "authorization_code")
      return { path: ["token_url"], issue: "requires authorization_url" }
    return true
  })
)
export type OAuthSettings = typeof OAuthSettings.Type
