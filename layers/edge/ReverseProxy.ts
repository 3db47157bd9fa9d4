/** Serves published applications on the listener by host name, and follows the table that has them. */
import { Effect, FileSystem, Layer, Scope, Semaphore } from "effect"
import type { ConfigSource } from "../config/ConfigSource.ts"
import type { Routes } from "../http/Routes.ts"
import { Sites } from "../http/Sites.ts"
import type { Authenticator } from "../identity/Authenticator.ts"
import type { Log } from "../logging/Log.ts"
import type { Dns } from "../platform/Dns.ts"
import type { Ids } from "../platform/Ids.ts"
import type { Instance } from "../platform/Instance.ts"
import type { Storage } from "../storage/Storage.ts"
import { Sql } from "../storage/Sql.ts"
import type { Metrics } from "../telemetry/Metrics.ts"
import { Domains } from "./Domains.ts"
import type { ApplicationSites } from "./proxy/applicationSites.ts"
import type { ProxyChanges } from "./proxies/ProxyChanges.ts"
import { ProxyTable } from "./ProxyTable.ts"

/** How often the table is read: as often as grants are checked. */
const interval = "500 millis"

type Services = ConfigSource | Authenticator | Log | Dns | Ids | Instance | Metrics | Routes | Storage

/** Reads the table in the background; the proxy itself is loaded with the first application. */
export const layer = Layer.effectDiscard(
  Effect.gen(function* () {
    const table = yield* ProxyTable
    const sites = yield* Sites
    const domains = yield* Domains
    const files = yield* FileSystem.FileSystem
    const { place } = yield* Sql
    const scope = yield* Effect.scope
    const services = yield* Effect.context<Services>()
    let applications: ApplicationSites | undefined
    let revision = -1
    let reported = false

    const source = yield* sites.addSource({
      find: (name) => (domains.isOwn(name) ? undefined : applications?.find(name)),
      drain: Effect.suspend(() => applications?.drain ?? Effect.void)
    })

    const load = Effect.promise(() => import("./proxy/applicationSites.ts")).pipe(
      Effect.flatMap(({ makeApplicationSites }) => makeApplicationSites),
      Effect.provideContext(services),
      Effect.provideService(Scope.Scope, scope),
      Effect.orDie,
      Effect.tap((made) => Effect.sync(() => (applications = made)))
    )

    const apply = Effect.fnUntraced(function* ({ all, removed, revision: now, rows }: ProxyChanges) {
      revision = now
      if (rows.length > 0 || removed.length > 0 || (all && applications !== undefined)) {
        const { hosts, put, remove, retain } = applications ?? (yield* load)
        if (all) retain(new Set(rows.map(({ hostname }) => hostname)))
        for (const hostname of removed) remove(hostname)
        for (const row of rows) put(row)
        source.changed()
        yield* domains.publish(hosts)
      }
    })

    /** Before the database exists, no application does; and reading must not create it. */
    const exists =
      place.driver === "postgres"
        ? Effect.succeed(true)
        : Effect.orElseSucceed(files.exists(place.name), () => true)

    const follow = Effect.gen(function* () {
      if (revision >= 0 || (yield* exists)) yield* apply(yield* table.since(revision))
      source.loaded()
      reported = false
    }).pipe(
      Effect.catch(({ message }) => {
        if (reported) return Effect.void
        reported = true
        return Effect.logWarning(
          `Published applications cannot be read, those that are known are served: ${message}`
        )
      })
    )

    const once = (yield* Semaphore.make(1)).withPermit(follow)
    yield* table.onChange(once)
    yield* once.pipe(Effect.andThen(Effect.sleep(interval)), Effect.forever, Effect.forkScoped)
  })
)
