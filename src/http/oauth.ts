/** The OAuth server and the metadata of protected resources, as routes. The server is loaded with its first request. */
import { Clock, Context, Effect, Layer, Scope, Semaphore } from "effect"
import type { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { servedAddresses } from "../../layers/edge/servedAddresses.ts"
import { RateLimit } from "../../layers/guard/RateLimit.ts"
import { json } from "../../layers/http/responses.ts"
import { pathOf } from "../../layers/http/requestRouting.ts"
import { Routes, type Connection } from "../../layers/http/Routes.ts"
import { run } from "../../layers/http/runEndpoint.ts"
import { Sites } from "../../layers/http/Sites.ts"
import type { Authenticator } from "../../layers/identity/Authenticator.ts"
import { CredentialVerifiers } from "../../layers/identity/CredentialVerifiers.ts"
import { loadOAuthServer } from "../../layers/identity/oauth/loadOAuthServer.ts"
import type { OAuthServer } from "../../layers/identity/oauth/OAuthServer.ts"
import type { Count } from "../../layers/identity/oauth/requestLimits.ts"
import {
  metadataPath,
  resourcePaths,
  withApplications,
  type Audiences
} from "../../layers/identity/oauth/resources.ts"
import type { PublicAddresses } from "../../layers/identity/oauth/publicAddress.ts"
import { proofAlgorithms } from "../../layers/identity/proofAlgorithms.ts"
import * as auth from "../../layers/identity/section.ts"
import * as outbound from "../../layers/outbound/section.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import type { Ids } from "../../layers/platform/Ids.ts"
import type { Sql } from "../../layers/storage/Sql.ts"
import type { Storage } from "../../layers/storage/Storage.ts"
import { everyScope, toOAuth } from "../domain/scopes.ts"
import { Identity } from "../domain/Identity.ts"
import { rejectMethod } from "./requireReader.ts"

const serverMetadata = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]

/** Largest document of a client, in bytes. */
const maxDocument = 256 * 1024

/** RFC 8414: the metadata has the path of the issuer after the well-known path. */
const withoutIssuerPath = (request: Request, issuer: string): Request => {
  const suffix = new URL(issuer).pathname.replace(/\/$/, "")
  const url = new URL(request.url)
  const known = serverMetadata.find((path) => url.pathname === `${path}${suffix}`)
  if (known === undefined) return request
  url.pathname = known
  return new Request(url.href, { method: request.method, headers: request.headers })
}

const notConfigured = () =>
  json(
    503,
    {
      error: "temporarily_unavailable",
      error_description:
        "The authorization server has no public URL. Set server.public_url to the URL by which clients reach this service. " +
        "Or list its host in edge.domains, and connect over edge.https_port. " +
        "Or let a proxy of server.trusted_proxies send X-Forwarded-Proto: https and X-Forwarded-Host with one of server.allowed_hosts."
    },
    { "retry-after": "60" }
  )

/** `allowPrivate`: for URLs that the operator wrote. */
const fetchOf = Effect.fnUntraced(function* (allowPrivate: boolean) {
  const { callerFetch } = yield* Effect.promise(() => import("../../layers/upstream/callerFetch.ts"))
  const settings = yield* (yield* ConfigSource).read(outbound.section)
  const dns = Context.get(yield* Layer.build(Dns.layer), Dns)
  return callerFetch({ dns, settings, allowPrivate, maxBytes: maxDocument })
})

const loadServer = Effect.gen(function* () {
  const [server, { Accounts }] = yield* Effect.promise(() =>
    Promise.all([loadOAuthServer(), import("../../layers/identity/oauth/Accounts.ts")])
  )
  const fetch = yield* fetchOf(false)
  const limits = yield* RateLimit
  /** Without the shared store, sign-in is closed: each instance alone would allow as many attempts as all together. */
  const count: Count = (limit) =>
    limits.take([limit], "refuse").pipe(
      Effect.as(undefined),
      Effect.catchTags({
        RateLimited: ({ retryAfter }) => Effect.succeed({ retryAfter }),
        LimiterUnavailable: () => Effect.succeed("unreachable" as const)
      })
    )
  const sites = yield* Sites
  const isProtected = (host: string) => sites.findUnsafe(host)?.isProtected === true
  return yield* server.make({ count, fetch, isProtected }).pipe(Effect.provide(Accounts.layer))
})

const tokenVerifier = Effect.flatMap(
  Effect.promise(() => import("../../layers/identity/oauth/accessTokens.ts")),
  ({ make }) => make
)

/** Adds the verifier of access tokens to the Authenticator. */
const verifyTokens = Effect.fnUntraced(function* (resources: Audiences) {
  const services = yield* Effect.context<Sql>()
  const verifier = yield* Effect.cached(Effect.provideContext(tokenVerifier, services))
  yield* (yield* CredentialVerifiers).add({
    name: "oauth-token",
    recognizes: (token) => /^[\w-]{43}$/.test(token),
    verify: (token, credentials) =>
      Effect.flatMap(verifier, ({ verify }) => verify(token, credentials, resources)),
    current: (credentials) => Effect.flatMap(verifier, ({ current }) => current(credentials)),
    usable: Effect.flatMap(verifier, ({ usable }) => usable)
  })
})

/** Adds the verifier of DPoP proofs. */
const verifyProofs = Effect.fnUntraced(function* ({ find }: PublicAddresses) {
  const services = yield* Effect.context<ConfigSource | Storage>()
  const clock = yield* Clock.Clock
  const verifier = yield* Effect.cached(
    Effect.gen(function* () {
      const [{ make }, { oauthSecret }, { derivedKey }] = yield* Effect.promise(() =>
        Promise.all([
          import("../../layers/identity/oauth/dpopProofs.ts"),
          import("../../layers/identity/oauth/secret.ts"),
          import("../../layers/storage/encryptionKey.ts")
        ])
      )
      const { oauth } = yield* (yield* ConfigSource).read(auth.section)
      const nonceKey = oauth.dpop_nonce ? derivedKey((yield* oauthSecret).current, "dpop-nonce") : undefined
      return make({ nonceKey, now: () => clock.currentTimeMillisUnsafe() })
    }).pipe(Effect.provideContext(services), Effect.orDie)
  )
  yield* (yield* CredentialVerifiers).addProofs({
    prove: (token, thumbprint, credentials) => {
      const at = find(credentials, credentials)
      return Effect.flatMap(verifier, (verify) =>
        verify({
          proof: credentials.headers.get("dpop"),
          method: credentials.method,
          url: credentials.resource.startsWith("/")
            ? at?.resources.url(pathOf(credentials.url), at.host)
            : `${credentials.resource}${pathOf(credentials.url)}`,
          token,
          thumbprint
        })
      )
    }
  })
})

/** The same for tokens of other issuers. */
const verifyIssuerTokens = Effect.fnUntraced(function* (resources: Audiences) {
  const { oauth } = yield* (yield* ConfigSource).read(auth.section)
  if (oauth.issuers.length === 0) return
  const services = yield* Effect.context<ConfigSource | Scope.Scope>()
  const verifier = yield* Effect.cached(
    Effect.gen(function* () {
      const { make } = yield* Effect.promise(() => import("../../layers/identity/oauth/issuerTokens.ts"))
      return make({ issuers: oauth.issuers, resources, fetch: yield* fetchOf(true) })
    }).pipe(Effect.provideContext(services), Effect.orDie)
  )
  yield* (yield* CredentialVerifiers).add({
    name: "issuer-token",
    recognizes: (token) => /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token),
    verify: (token, credentials) => Effect.flatMap(verifier, ({ verify }) => verify(token, credentials)),
    current: (credentials) => Effect.flatMap(verifier, ({ current }) => current(credentials)),
    usable: Effect.succeed(true)
  })
})

export const verifiers = Layer.effectDiscard(
  Effect.flatMap(servedAddresses, (addresses) => {
    const { resources } = addresses
    if (resources === undefined) return Effect.void
    return Effect.all([verifyTokens(resources), verifyIssuerTokens(resources), verifyProofs(addresses)])
  })
)

export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const routes = yield* Routes
    const sites = yield* Sites
    const isApplication = (host: string) => sites.findUnsafe(host) !== undefined
    const { find } = yield* servedAddresses
    const { oauth } = yield* (yield* ConfigSource).read(auth.section)
    const { name, title } = yield* Identity
    const scope = yield* Effect.scope
    const services = yield* Effect.context<
      Audit | Authenticator | ConfigSource | Ids | RateLimit | Sites | Sql | Storage
    >()
    const respond = run(yield* Effect.context<never>())
    const loading = yield* Semaphore.make(1)
    let loaded: OAuthServer | undefined
    const server = loading.withPermit(
      Effect.suspend(() =>
        loaded === undefined
          ? Effect.tap(loadServer, (made) => Effect.sync(() => (loaded = made))).pipe(
              Effect.provideContext(services),
              Scope.provide(scope),
              Effect.orDie
            )
          : Effect.succeed(loaded)
      )
    )

    const serve = (request: Request, connection: Connection): Response | Promise<Response> => {
      const peer = connection.address
      const address = find(request, connection)
      if (address === undefined) return notConfigured()
      const inner = withoutIssuerPath(request, address.issuer)
      const resources = withApplications(address.resources, isApplication)
      // A browser that reloads a page does not interrupt the first request, whose code or token is already stored.
      return respond(
        new Request(request.url),
        Effect.flatMap(loaded === undefined ? server : Effect.succeed(loaded), (handle) =>
          handle(inner, peer, { ...address, resources })
        )
      )
    }

    const scopes = [...new Set([...everyScope, ...oauth.scopes])].map(toOAuth)
    /** RFC 9728, section 2. */
    const describe = (request: Request, connection: Connection): Response => {
      const address = find(request, connection)
      if (address === undefined) return notConfigured()
      const { host, issuer, resources } = address
      const prefix = new URL(issuer).pathname.replace(/\/$/, "")
      const after = pathOf(request.url).slice(metadataPath.length).replace(/\/$/, "")
      const path = (prefix !== "" && after.startsWith(prefix) ? after.slice(prefix.length) : after) || "/"
      if (!resourcePaths.includes(path)) {
        return json(404, { error: "not_found", error_description: "No protected resource has this path." })
      }
      return json(
        200,
        {
          resource: resources.identifier(path, host),
          authorization_servers: [issuer, ...oauth.issuers.map((other) => other.issuer)],
          scopes_supported: scopes,
          bearer_methods_supported: ["header"],
          dpop_signing_alg_values_supported: proofAlgorithms,
          dpop_bound_access_tokens_required: false,
          resource_name: title ?? name
        },
        { "cache-control": "public, max-age=300" }
      )
    }

    yield* routes.add({
      paths: ["/oauth/*", ...serverMetadata, ...serverMetadata.map((path) => `${path}/*`)],
      fetch: serve
    })
    yield* routes.add({
      paths: [metadataPath, `${metadataPath}/*`],
      fetch: (request, connection) => rejectMethod(request) ?? describe(request, connection)
    })
  })
).pipe(Layer.provide(RateLimit.layer))
