/** The state of an authorization as text, so that it can be finished after a restart. It contains secrets: encrypt it. */
import { Schema } from "effect"
import type { AuthorizationFlow } from "./authorizationFlow.ts"
import { RegisteredClient } from "./Credentials.ts"

const text = Schema.optionalKey(Schema.String)

const SavedFlow = Schema.Struct({
  issuer: Schema.String,
  place: Schema.Struct({ redirectUrl: Schema.String, clientMetadataUrl: text }),
  scope: text,
  state: Schema.String,
  client: Schema.optionalKey(RegisteredClient),
  discovery: Schema.Unknown,
  resource: text,
  verifier: Schema.String
})

export const toText = (
  {
    client,
    clientMetadataUrl,
    discovery,
    redirectUrl = "",
    resource,
    scope,
    state,
    verifier
  }: AuthorizationFlow,
  issuer: string
): string =>
  JSON.stringify({
    issuer,
    place: { redirectUrl, clientMetadataUrl },
    scope,
    state,
    client,
    discovery,
    resource,
    verifier
  })

export const fromText = Schema.decodeUnknownEffect(Schema.fromJsonString(SavedFlow))
