/** Requests of clients in the form that the provider expects: what clients leave out, or write in several ways, is completed. */
import { Schema } from "effect"
import { toOAuth } from "../../../src/domain/scopes.ts"
import { isSafeRedirect } from "./provider.ts"
import type { Resources } from "./resources.ts"

/** Largest body of a form or registration, in bytes. */
export const maxBody = 48 * 1024
const maxRedirects = 16
const maxUri = 2000
const maxName = 200

/** Scopes of a client that asks for none that exists. */
const usualScopes: ReadonlyArray<string> = ["read", "call"].map(toOAuth)

/** RFC 6749, section 3.3: scopes that do not exist are ignored, and without any the default scopes are requested. */
const scopesOf = (requested: string | null, supported: ReadonlySet<string>, access: ReadonlySet<string>) => {
  const known = (requested ?? "").split(" ").filter((scope) => supported.has(scope))
  return known.some((scope) => access.has(scope)) ? known : [...known, ...usualScopes]
}

const canonicalResources = (params: URLSearchParams, resources: Resources) => {
  const given = params.getAll("resource")
  if (given.length === 0) return
  params.delete("resource")
  for (const each of given) params.append("resource", resources.find(each) ?? each)
}

export interface Completion {
  readonly resources: Resources
  /** Scopes of resources. */
  readonly access: ReadonlySet<string>
  /** These, and the scopes of OpenID Connect. */
  readonly supported: ReadonlySet<string>
}

/** The authorization request; `params` are changed. */
export const completeAuthorization = (
  params: URLSearchParams,
  { access, resources, supported }: Completion
) => {
  canonicalResources(params, resources)
  params.set("scope", scopesOf(params.get("scope"), supported, access).join(" "))
}

/** The body of a token request. */
export const completeToken = (body: string, { resources }: Completion): string => {
  const params = new URLSearchParams(body)
  canonicalResources(params, resources)
  return params.toString()
}

const Texts = Schema.Array(Schema.String)
const Registration = Schema.Struct({
  redirect_uris: Texts.check(Schema.isMinLength(1), Schema.isMaxLength(maxRedirects)),
  client_name: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(maxName))),
  client_uri: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(maxUri))),
  grant_types: Schema.optionalKey(Texts.check(Schema.isMaxLength(maxRedirects))),
  response_types: Schema.optionalKey(Texts.check(Schema.isMaxLength(maxRedirects))),
  token_endpoint_auth_method: Schema.optionalKey(Schema.String),
  application_type: Schema.optionalKey(Schema.Literals(["web", "native"])),
  jwks: Schema.optionalKey(
    Schema.Struct({ keys: Schema.Array(Schema.Unknown).check(Schema.isMaxLength(8)) })
  ),
  jwks_uri: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(maxUri)))
})
const decodeRegistration = Schema.decodeUnknownResult(Schema.fromJsonString(Registration))

const supportedGrants: ReadonlySet<string> = new Set(["authorization_code", "refresh_token"])

/** A rejected registration (RFC 7591, section 3.2.2). */
export interface RejectedRegistration {
  readonly error: "invalid_client_metadata" | "invalid_redirect_uri"
  readonly error_description: string
}

/**
 * Client metadata (RFC 7591) without fields that the server does not use. Grant types that it does not support are left out. A
 * client without `application_type` is native if one of its redirects goes to the user's machine (RFC 8252).
 */
export const completeRegistration = (body: string): Record<string, unknown> | RejectedRegistration => {
  const decoded = decodeRegistration(body)
  if (decoded._tag === "Failure") {
    return {
      error: "invalid_client_metadata",
      error_description:
        `The registration needs redirect_uris: 1 to ${maxRedirects} URIs. A client_name has at most ${maxName} characters. ` +
        "grant_types and response_types are lists of strings."
    }
  }
  const { application_type, grant_types, response_types: _, ...metadata } = decoded.success
  const wrong = metadata.redirect_uris.find((uri) => uri.length > maxUri || !isSafeRedirect(uri))
  if (wrong !== undefined) {
    return {
      error: "invalid_redirect_uri",
      error_description:
        "A redirect URI is an https URL, an http URL of localhost or 127.0.0.1, or a URI with a private scheme, of at most " +
        `${maxUri} characters.`
    }
  }
  const native = metadata.redirect_uris.some((uri) => URL.parse(uri)?.protocol !== "https:")
  const grants = (grant_types ?? ["authorization_code"]).filter((grant) => supportedGrants.has(grant))
  return {
    ...metadata,
    application_type: native ? "native" : (application_type ?? "web"),
    grant_types: grants.includes("authorization_code") ? grants : ["authorization_code", ...grants],
    response_types: ["code"]
  }
}

export const isRejected = (
  registration: Record<string, unknown> | RejectedRegistration
): registration is RejectedRegistration => "error" in registration
