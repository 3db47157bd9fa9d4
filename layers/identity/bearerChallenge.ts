/** `WWW-Authenticate` challenges of the schemes Bearer (RFC 6750, section 3) and DPoP (RFC 9449, section 7.1). */
import { toOAuth } from "../../src/domain/scopes.ts"
import type { InvalidProof } from "./CredentialVerifier.ts"
import { proofAlgorithms } from "./proofAlgorithms.ts"

/** A quoted-string (RFC 9110, section 5.6.4), without characters that could end it or the header. */
const quoted = (text: string) => `"${text.replace(/["\\\p{C}]/gu, "")}"`

const challenge = (parameters: Readonly<Record<string, string>>, scheme = "Bearer") =>
  `${scheme} realm="manifold"${Object.entries(parameters)
    .map(([name, value]) => `, ${name}=${quoted(value)}`)
    .join("")}`

/** For a request without credentials: contains no error code (section 3.1). */
export const missingToken = challenge({})

export const invalidToken = (description: string) =>
  challenge({ error: "invalid_token", error_description: description })

/** For a principal that lacks scopes: names every scope that the request requires, as OAuth clients request them. */
export const insufficientScope = (scopes: ReadonlyArray<string>) =>
  challenge({ error: "insufficient_scope", scope: scopes.map(toOAuth).join(" ") })

const algs = proofAlgorithms.join(" ")

/** For a token that is bound to a key: the request lacks a valid proof. */
export const invalidProof = ({ error, message }: Pick<InvalidProof, "error" | "message">) =>
  challenge({ algs, error, error_description: message }, "DPoP")

/** A challenge of the scheme that the client has used. */
export const withScheme = (given: string, authorization: string | null): string =>
  /^dpop /i.test(authorization ?? "")
    ? given.replace(/^Bearer realm="[^"]*"/, `$&, algs=${quoted(algs)}`).replace(/^Bearer/, "DPoP")
    : given

/** Adds where the metadata of the resource is (RFC 9728, section 5.1), and the scopes that a first token needs. */
export const withMetadata = (given: string, metadataUrl: string, scopes: ReadonlyArray<string>): string => {
  if (!/^(?:Bearer|DPoP) /.test(given)) return given
  const scope = /[ ,]scope="/.test(given) ? "" : `, scope=${quoted(scopes.map(toOAuth).join(" "))}`
  return `${given}, resource_metadata=${quoted(metadataUrl)}${scope}`
}
