/** A protected application as a protected resource of OAuth (RFC 9728): its identifier, its metadata, and challenges that name it. */
import { toOAuth } from "../../../src/domain/scopes.ts"
import { json } from "../../http/responses.ts"
import { withMetadata, withScheme } from "../../identity/bearerChallenge.ts"
import type { PublicAddresses } from "../../identity/oauth/publicAddress.ts"
import { metadataPath } from "../../identity/oauth/resources.ts"
import { proofAlgorithms } from "../../identity/proofAlgorithms.ts"
import type { Visit } from "./browserSignIn.ts"

export interface ApplicationResource {
  /** The resource of access tokens: the origin of the application, or the service as a whole without HTTPS. */
  readonly identifier: (visit: Visit) => string
  /** Adds where the metadata is, if clients can get a token. */
  readonly challenge: (visit: Visit, given: string) => string
  /** The metadata; `undefined` for other paths. */
  readonly respond: (visit: Visit, path: string) => Response | undefined
}

/** `issuers`: other authorization servers whose tokens are accepted. */
export const makeApplicationResource = (
  { signInAt }: PublicAddresses,
  issuers: ReadonlyArray<string>
): ApplicationResource => {
  const identifier = ({ origin }: Visit) => (origin.startsWith("https://") ? origin : "/")
  /** The issuer of this service, if there is one and the application is a resource. */
  const issuerOf = (visit: Visit) =>
    identifier(visit) === "/" ? undefined : signInAt(visit.request, visit.connection)?.issuer
  return {
    identifier,
    challenge: (visit, given) =>
      issuerOf(visit) === undefined
        ? given
        : withMetadata(
            withScheme(given, visit.request.headers.get("authorization")),
            `${visit.origin}${metadataPath}`,
            [visit.scope]
          ),
    respond: (visit, path) => {
      const { method } = visit.request
      if (!path.startsWith(metadataPath) || (method !== "GET" && method !== "HEAD")) return undefined
      const issuer = issuerOf(visit)
      if (issuer === undefined) return undefined
      if (path !== metadataPath) {
        return path.startsWith(`${metadataPath}/`)
          ? json(404, { error: "not_found", error_description: "The host is one protected resource." })
          : undefined
      }
      return json(
        200,
        {
          resource: visit.origin,
          authorization_servers: [issuer, ...issuers],
          scopes_supported: [toOAuth(visit.scope)],
          bearer_methods_supported: ["header"],
          dpop_signing_alg_values_supported: proofAlgorithms,
          dpop_bound_access_tokens_required: false,
          resource_name: new URL(visit.origin).host
        },
        { "cache-control": "public, max-age=300" }
      )
    }
  }
}
