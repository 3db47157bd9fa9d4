/** The upstream servers of the section `mcpServers`; their code is loaded with the first server. */
import { Context, Effect, type FileSystem, Layer, Option, type Path, Scope } from "effect"
import { ConfigSource } from "../../layers/config/ConfigSource.ts"
import * as http from "../../layers/http/section.ts"
import { Health } from "../../layers/health/Health.ts"
import { Models } from "../../layers/models/Models.ts"
import { Instance } from "../../layers/platform/Instance.ts"
import { Environment } from "../../layers/platform/Environment.ts"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import * as outboundSection from "../../layers/outbound/section.ts"
import { Dns } from "../../layers/platform/Dns.ts"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import { section } from "../../layers/upstream/section.ts"
import { Audit } from "../../layers/audit/Audit.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { OwnInstance } from "../catalog/OwnInstance.ts"
import * as mcp from "../mcp/section.ts"
import type { manageUpstreams } from "./manageUpstreams.ts"
import { ListStore } from "./ListStore.ts"
import type { Managed } from "./manageUpstreams.ts"
import type { Summary } from "./Summary.ts"
import type { UriOrder } from "./UriOrder.ts"
import { signInSettings } from "./signInSettings.ts"

/** Loaded with the first connection to a URL. */
const fetches = Effect.promise(() => import("../../layers/upstream/callerFetch.ts"))

const make = Effect.gen(function* () {
  const config = yield* ConfigSource
  const context = yield* Effect.context<
    | Catalog
    | Credentials
    | Environment
    | FileSystem.FileSystem
    | Health
    | Metrics
    | Path.Path
    | Quotas
    | SignIns
  >()
  const store = yield* ListStore
  const dns = yield* Dns
  const { id: process } = yield* Instance
  const { id: instance } = yield* OwnInstance
  const audit = Option.getOrUndefined(yield* Effect.serviceOption(Audit))
  const models = Option.getOrUndefined(yield* Effect.serviceOption(Models))
  const scope = yield* Effect.scope
  const uriOrder = yield* Effect.cached(
    Effect.promise(async () => {
      const { UriOrder } = await import("./UriOrder.ts")
      return new UriOrder()
    }).pipe(Effect.uninterruptible)
  )
  const manager = yield* Effect.cached(
    Effect.flatMap(
      Effect.all([Effect.promise(() => import("./manageUpstreams.ts")), uriOrder]),
      ([loaded, order]) => Effect.provideContext(loaded.manageUpstreams(order), context)
    ).pipe(Effect.provideService(Scope.Scope, scope))
  )
  let managed: Effect.Success<ReturnType<typeof manageUpstreams>> | undefined

  yield* Effect.orDie(
    config.follow(section, (servers) =>
      Effect.gen(function* () {
        if (managed === undefined && Object.keys(servers).length === 0) return
        const { connection } = yield* Effect.orDie(config.read(mcp.section))
        const { max_message_bytes } = yield* Effect.orDie(config.read(http.section))
        const outbound = yield* Effect.orDie(config.read(outboundSection.section))
        const signInOf = yield* Effect.orDie(
          signInSettings.pipe(Effect.provideService(ConfigSource, config), Effect.provideService(Dns, dns))
        )
        managed = yield* manager
        yield* managed
          .apply(servers, {
            store,
            // The operator wrote the URLs: private addresses are allowed, link-local and metadata addresses are not.
            fetch: yield* Effect.cached(
              Effect.map(fetches, ({ callerFetch }) =>
                callerFetch({
                  dns,
                  settings: outbound,
                  allowPrivate: true,
                  maxBytes: max_message_bytes,
                  passesEvents: true,
                  instance: process
                })
              ).pipe(Effect.uninterruptible)
            ),
            instance,
            signInOf: (...server) => ({ ...signInOf(...server), audit }),
            models,
            idleTimeout: connection.idle_timeout,
            maxMessageBytes: max_message_bytes,
            connectionTimeout: connection.connection_timeout,
            initialReconnectDelay: connection.initial_reconnect_delay,
            maxReconnectAttempts: connection.max_reconnect_attempts,
            pingAfter: connection.ping_after
          })
          .pipe(Effect.provideContext(context))
      })
    )
  )

  const served = () => managed?.served() ?? new Map<string, Managed>()
  return Upstreams.of({
    served,
    uriOrder,
    list: Effect.suspend(() => Effect.forEach([...served().values()], ({ summary }) => summary))
  })
})

export class Upstreams extends Context.Service<
  Upstreams,
  {
    /** The servers, by name. */
    readonly served: () => ReadonlyMap<string, Managed>
    /** Decides which of them, and of other servers in the same catalog, keeps a URI. */
    readonly uriOrder: Effect.Effect<UriOrder>
    /** State and number of entries of each server. */
    readonly list: Effect.Effect<ReadonlyArray<Summary>>
  }
>()("manifold/upstreams/Upstreams") {
  /** Follows the section, so that a reload adds, changes and removes servers without touching the others. */
  static readonly layer = Layer.effect(Upstreams, make).pipe(Layer.provide([ListStore.layer, Dns.layer]))
}
