/** Opens the connection of a REST client: its server in a catalog that only this client uses, unless it is federated. */
import { Context, Duration, Effect, Layer, Option } from "effect"
import { Audit } from "../../layers/audit/Audit.ts"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import { Guard } from "../../layers/guard/Guard.ts"
import * as httpSection from "../../layers/http/section.ts"
import * as outboundSection from "../../layers/outbound/section.ts"
import * as childProcess from "../../layers/platform/childProcess.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import { Instance } from "../../layers/platform/Instance.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { ProgressEvents } from "../../layers/progress/ProgressEvents.ts"
import { callerFetch, check } from "../../layers/upstream/callerFetch.ts"
import { OrphanGuard } from "../../layers/upstream/OrphanGuard.ts"
import { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import { oauthFetch } from "../../layers/upstream/oauth/oauthFetch.ts"
import { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import * as upstreamSection from "../../layers/upstream/section.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import { isOperator } from "../catalog/Audience.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"
import type { Principal } from "../domain/Principal.ts"
import * as mcpSection from "../mcp/section.ts"
import type { Naming } from "../upstreams/names.ts"
import type { ServedUpstream } from "../upstreams/ServedUpstream.ts"
import { serveUpstream } from "../upstreams/serveUpstream.ts"
import { Upstreams } from "../upstreams/Upstreams.ts"
import type { ConnectRequest } from "./bodies.ts"
import { Forbidden, RequestTimeout, type RestError } from "./errors.ts"
import { notReachable, unreachable } from "./rejections.ts"
import { resolve, type Resolved } from "./serverSettings.ts"

export interface OpenedClient extends ServedUpstream {
  /** The name in `mcpServers`, if the connection is to one of these servers. */
  readonly listed: string | undefined
  /** The settings of that server. */
  readonly definition: ServerSettings | undefined
  /** Of the entries in `catalog`. */
  readonly naming: Naming
  readonly catalog: Catalog["Service"]
  /** Page at which the user must sign in first. */
  readonly authorizationUrl: string | undefined
  /** Fails until the user has signed in. */
  readonly authorized: Effect.Effect<void, RestError>
  /** Removes the sign-in that was made for this connection. */
  readonly forget: Effect.Effect<void>
}

export interface OpenOptions {
  readonly principal: Principal
  readonly id: string
  readonly request: ConnectRequest
  readonly onUse: () => void
}

/** In metrics: callers choose these servers and the names of their tools, and each connection has another name. */
const unlisted = "rest__*"

const safe = (name: string) => name.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, 23)

/** The last characters of the id are random. */
const suffixOf = (id: string) => id.slice(-8)

/** The operator's prefix for a listed server, so that the operator's limits apply; else one that no other connection has. */
export const prefixOf = (
  { id, request }: Pick<OpenOptions, "id" | "request">,
  { listed, settings }: Resolved
) => {
  const { federate, name } = request
  if (federate === true) return safe(name ?? "client")
  if (listed !== undefined) return settings.prefix ?? listed
  return `${safe(name ?? "client")}-${suffixOf(id)}`
}

export const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const audit = yield* Audit
  const shared = yield* Catalog
  const upstreams = yield* Effect.serviceOption(Upstreams)
  const processes = yield* Layer.build(Layer.provideMerge(OrphanGuard.layer, childProcess.layer))
  const process = yield* Instance
  const own = yield* OwnInstance
  const dns = Context.get(yield* Layer.build(Dns.layer), Dns)
  const services = Context.pick(
    Credentials,
    Environment,
    Guard,
    ProgressEvents,
    SignIns
  )(yield* Effect.context<Credentials | Environment | Guard | ProgressEvents | SignIns>())
  const settingsOf = Effect.all({
    servers: config.read(upstreamSection.section),
    mcp: config.read(mcpSection.section),
    http: config.read(httpSection.section),
    outbound: config.read(outboundSection.section)
  }).pipe(Effect.orDie)

  /** The connection ends with the scope. */
  return Effect.fnUntraced(function* ({ id, onUse, principal, request }: OpenOptions) {
    const { http, mcp, outbound, servers } = yield* settingsOf
    const { allow_stdio_commands, connection_timeout } = mcp.connection
    const resolved = yield* resolve(principal, request, { servers, allowCommands: allow_stdio_commands })
    const { account, allowPrivate, listed, settings } = resolved
    const timeout = request.timeout == null ? connection_timeout : Duration.seconds(request.timeout)
    const maxBytes = http.max_message_bytes
    // The entries of a connection to this service itself would contain themselves.
    const federated = request.federate === true
    const fetching = {
      dns,
      settings: outbound,
      allowPrivate,
      maxBytes,
      instance: federated ? process.id : undefined
    }
    if (settings.url !== undefined) yield* Effect.mapError(check(settings.url, fetching), notReachable)
    const catalog = federated
      ? shared
      : yield* Catalog.make({
          pageSize: mcp.page_size,
          pageBytes: mcp.page_bytes,
          maxResultBytes: mcp.max_result_bytes
        })
    const uriOrder = federated && Option.isSome(upstreams) ? yield* upstreams.value.uriOrder : undefined
    const prefix = prefixOf({ id, request }, resolved)
    const served = yield* serveUpstream({
      name: `${listed ?? safe(request.name ?? "client")}-${suffixOf(id)}`,
      settings: { ...settings, prefix },
      maxMessageBytes: maxBytes,
      connectionTimeout: Duration.sum(timeout, Duration.seconds(1)),
      initialReconnectDelay: mcp.connection.initial_reconnect_delay,
      // A lost connection is opened again by the next request.
      maxReconnectAttempts: 0,
      pingAfter: mcp.connection.ping_after,
      fetch: Effect.succeed(callerFetch({ ...fetching, passesEvents: true })),
      instance: federated ? own.id : undefined,
      uriOrder,
      callsAs: listed === undefined ? unlisted : undefined,
      visibleTo: { principal: principal.key },
      eager: false,
      onUse,
      ...(account !== undefined && {
        signIn: {
          server: account.server,
          principal: account.principal,
          timeout: mcp.connection.sign_in_timeout,
          fetch: oauthFetch(fetching, resolved.privateUrls),
          audit
        }
      })
    }).pipe(Effect.provideService(Catalog, catalog), Effect.provideContext(processes))
    const signInUrl = (scope: string | undefined) =>
      Effect.suspend(() => served.account?.signIn(scope) ?? Effect.die(new Error("no account"))).pipe(
        Effect.map(({ url }) => url),
        Effect.mapError(unreachable)
      )
    // The account that all callers share is the operator's.
    const maySignIn = account !== undefined && (account.principal !== "" || isOperator(principal))
    /** The URL, if the connection needs a sign-in. */
    const connected = served.connection.pipe(
      Effect.as(undefined),
      Effect.catch((error) =>
        error.signIn !== undefined && served.account !== undefined && maySignIn
          ? signInUrl(error.signIn.scope)
          : Effect.fail(unreachable(error))
      )
    )
    const authorizationUrl = yield* connected.pipe(
      Effect.timeoutOrElse({
        duration: timeout,
        orElse: () =>
          Effect.fail(
            new RequestTimeout({ detail: `No connection within ${Duration.toSeconds(timeout)} s (timeout).` })
          )
      })
    )
    const opened: OpenedClient = {
      ...served,
      listed,
      definition: listed === undefined ? undefined : servers[listed],
      naming: { prefix, rename: settings.rename },
      catalog,
      authorizationUrl,
      authorized: Effect.flatMap(served.upstream.status, ({ state }) =>
        state === "unauthorized" || state === "connecting"
          ? Effect.flatMap(connected, (url) =>
              url === undefined
                ? Effect.void
                : Effect.fail(new Forbidden({ detail: `Sign in first: open ${url} in a browser.` }))
            )
          : Effect.void
      ),
      forget: account?.own === true ? (served.account?.forget ?? Effect.void) : Effect.void
    }
    return opened
  }, Effect.provideContext(services))
})
export type OpenClient = Effect.Success<typeof make>
