/** Serves the configured upstream servers, each in a scope that closes when it is removed or changed. */
import { Context, type Duration, Effect, Equal, Exit, Layer, Scope, Semaphore } from "effect"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { Health } from "../../layers/health/Health.ts"
import type { Environment } from "../../layers/platform/Environment.ts"
import type { Quotas } from "../../layers/quotas/Quotas.ts"
import type { Metrics } from "../../layers/telemetry/Metrics.ts"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import type { Catalog } from "../catalog/Catalog.ts"
import type { ListStore } from "./ListStore.ts"
import { deferServer } from "./deferServer.ts"
import { observeUpstream } from "./observeUpstream.ts"
import type { SignInSettings } from "./accountOf.ts"
import { inContext } from "./inContext.ts"
import { publishServer } from "./publishServer.ts"
import type { ServedUpstream, UpstreamSettings } from "./ServedUpstream.ts"
import type { UriOrder } from "./UriOrder.ts"

interface Opened {
  readonly settings: ServerSettings
  readonly scope: Scope.Closeable
  readonly served: Managed
}

export type Servers = Readonly<Record<string, ServerSettings>>

/** Options that apply to all servers. */
export interface Shared extends Omit<
  UpstreamSettings,
  "name" | "settings" | "signIn" | "store" | "uriOrder"
> {
  readonly store?: ListStore["Service"] | undefined
  readonly signInOf: (name: string, settings: ServerSettings, principal?: string) => SignInSettings
  /** Closes the connection of one principal that is unused for this long. */
  readonly idleTimeout: Duration.Duration
}

/** What commands and pages show of a server. */
export interface Managed
  extends Pick<ServedUpstream, "connection" | "lists" | "summary">, Partial<Pick<ServedUpstream, "account">> {
  /** Opens a known server ahead of its first use. */
  readonly prepare?: Effect.Effect<void>
}

/** Known servers that connect at the same time after a start: all of them would delay the first responses. */
const maxStarts = 4

/** Time after a start before known servers are opened without a call, so that the first responses are not delayed. */
const quiet = "2 seconds"
/** Time between two of them: all at once would delay responses. */
const pause = "20 millis"

/** Loaded with the first server that is opened. */
const opening = Effect.promise(async () => {
  const [{ openServer }, { servePerUser }, { OrphanGuard }, childProcess] = await Promise.all([
    import("./openServer.ts"),
    import("./servePerUser.ts"),
    import("../../layers/upstream/OrphanGuard.ts"),
    import("../../layers/platform/childProcess.ts")
  ])
  return { openServer, servePerUser, processes: Layer.provideMerge(OrphanGuard.layer, childProcess.layer) }
})

export const manageUpstreams = Effect.fnUntraced(function* (uriOrder: UriOrder) {
  const scope = yield* Effect.scope
  const ambient = yield* Effect.context<
    Catalog | Credentials | Health | Metrics | Quotas | SignIns | Environment
  >()
  const loaded = yield* Effect.flatMap(opening, ({ processes, ...loading }) =>
    Effect.map(Layer.buildWithScope(processes, scope), (services) => ({
      ...loading,
      services: Context.merge(ambient, services)
    }))
  ).pipe(Effect.uninterruptible, Effect.cached)
  const opened = new Map<string, Opened>()
  /** In the order of the configuration. */
  let names: ReadonlyArray<string> = []
  let hasStarted = false
  const turn = Semaphore.makeUnsafe(1)
  const starts = Semaphore.makeUnsafe(maxStarts)

  /** A server with a connection for all callers. */
  const serve = Effect.fnUntraced(function* (name: string, settings: ServerSettings, shared: Shared) {
    const { idleTimeout: _, signInOf, store, ...options } = shared
    const known = yield* store?.load(name, settings) ?? Effect.undefined
    const served = { ...options, uriOrder, name, settings, signIn: signInOf(name, settings), starts, store }
    const published = yield* publishServer(served, known)
    const open = Effect.flatMap(loaded, ({ openServer, services }) =>
      inContext(services)(openServer(served, published))
    ).pipe(Effect.tap(({ upstream }) => observeUpstream(upstream)))
    return yield* known === undefined ? open : deferServer(name, published, open)
  })

  /** A server with a connection for each principal. */
  const serveEach = (name: string, settings: ServerSettings, { signInOf, ...options }: Shared) =>
    Effect.flatMap(loaded, ({ servePerUser, services }) =>
      servePerUser({
        ...options,
        uriOrder,
        name,
        settings,
        signInOf: (principal) => signInOf(name, settings, principal)
      }).pipe(inContext(services))
    )

  const open = Effect.fnUntraced(function* (name: string, settings: ServerSettings, shared: Shared) {
    const own = yield* Scope.fork(scope)
    const serving: Effect.Effect<
      Managed,
      never,
      Effect.Services<ReturnType<typeof serve>> | Effect.Services<ReturnType<typeof serveEach>>
    > =
      settings.credentials === "per_user" ? serveEach(name, settings, shared) : serve(name, settings, shared)
    const served: Managed = yield* Effect.provideService(serving, Scope.Scope, own)
    opened.set(name, { settings, scope: own, served })
  })

  const close = Effect.fnUntraced(function* (name: string) {
    const entry = opened.get(name)
    opened.delete(name)
    if (entry !== undefined) yield* Scope.close(entry.scope, Exit.void)
  })

  const openAll = Effect.suspend(() =>
    Effect.forEach(
      [...opened.values()].flatMap(({ served }) => served.prepare ?? []),
      (prepare) => Effect.andThen(prepare, Effect.sleep(pause)),
      { discard: true }
    )
  )

  return {
    /** Servers with unchanged settings keep running. */
    apply: (servers: Servers, shared: Shared) =>
      turn.withPermit(
        Effect.gen(function* () {
          const wanted = new Map(Object.entries(servers).filter(([, { enabled }]) => enabled))
          const gone = [...opened].filter(([name, { settings }]) => !Equal.equals(wanted.get(name), settings))
          yield* Effect.forEach(gone, ([name]) => close(name), { concurrency: "unbounded", discard: true })
          names = [...wanted.keys()]
          yield* uriOrder.arrange(names)
          // In order: the first entry keeps a name.
          for (const [name, settings] of wanted) {
            if (!opened.has(name)) yield* open(name, settings, shared)
          }
          yield* Effect.forkIn(hasStarted ? openAll : Effect.delay(openAll, quiet), scope)
          hasStarted = true
        })
      ),
    served: () =>
      new Map(
        names.flatMap((name) => {
          const entry = opened.get(name)
          return entry === undefined ? [] : [[name, entry.served] as const]
        })
      )
  }
})
