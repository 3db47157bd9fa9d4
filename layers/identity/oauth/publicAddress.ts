/** Public address of the service, from its configuration: the issuer of the OAuth server, and the domains of its resources. */
import { Effect } from "effect"
import { everyScope } from "../../../src/domain/scopes.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { isLoopbackHost } from "../../http/hosts.ts"
import { pathOf } from "../../http/requestRouting.ts"
import * as http from "../../http/section.ts"
import { withMetadata } from "../bearerChallenge.ts"
import { make, resourceOf, type Resources } from "./resources.ts"

export interface PublicAddress {
  /** The public URL, without a trailing slash. */
  readonly issuer: string
  readonly resources: Resources
}

/**
 * `domains`: further hosts of the service, in addition to `server.allowed_hosts`. Absent without `server.public_url`: it is never derived from the Host header, which callers
 * choose.
 */
export const publicAddress = (domains: ReadonlyArray<string>) =>
  Effect.map(
    Effect.flatMap(ConfigSource, (config) => config.read(http.section)),
    ({ allowed_hosts, public_url }): PublicAddress | undefined => {
      if (public_url === undefined) return undefined
      const issuer = new URL(public_url).href.replace(/\/+$/, "")
      return {
        issuer,
        resources: make(
          issuer,
          [...allowed_hosts, ...domains].filter((host) => !isLoopbackHost(host))
        )
      }
    }
  )

/** Scopes of a first token: what a client needs for most tools. Others are added when a tool needs them. */
const firstScopes = everyScope.filter((scope) => scope !== "admin")

/** Completes challenges with the metadata of the resource (RFC 9728). */
export const challenge =
  ({ resources }: PublicAddress) =>
  (given: string, request: Request): string =>
    withMetadata(
      given,
      resources.metadataUrl(resourceOf(pathOf(request.url)), request.headers.get("host")),
      firstScopes
    )
