/** `WWW-Authenticate` challenges of the Bearer scheme (RFC 6750, section 3). */
import { toOAuth } from "../../src/domain/scopes.ts"

/** A quoted-string (RFC 9110, section 5.6.4), without characters that could end it or the header. */
const quoted = (text: string) => `"${text.replace(/["\\\p{C}]/gu, "")}"`

const challenge = (parameters: Readonly<Record<string, string>>) =>
  `Bearer realm="manifold"${Object.entries(parameters)
    .map(([name, value]) => `, ${name}=${quoted(value)}`)
    .join("")}`

/** For a request without credentials: contains no error code (section 3.1). */
export const missingToken = challenge({})

export const invalidToken = (description: string) =>
  challenge({ error: "invalid_token", error_description: description })

/** For a principal that lacks scopes: names every scope that the request requires, as OAuth clients request them. */
export const insufficientScope = (scopes: ReadonlyArray<string>) =>
  challenge({ error: "insufficient_scope", scope: scopes.map(toOAuth).join(" ") })

/** Adds where the metadata of the resource is (RFC 9728, section 5.1), and the scopes that a first token needs. */
export const withMetadata = (given: string, metadataUrl: string, scopes: ReadonlyArray<string>): string => {
  if (!given.startsWith("Bearer ")) return given
  const scope = /[ ,]scope="/.test(given) ? "" : `, scope=${quoted(scopes.map(toOAuth).join(" "))}`
  return `${given}, resource_metadata=${quoted(metadataUrl)}${scope}`
}
