/** Serves one upstream server to each principal with its own account: opened by the first request, closed when unused. */
import { Clock, type Context, Deferred, Duration, Effect } from "effect"
import { Quotas } from "../../layers/quotas/Quotas.ts"
import { Metrics } from "../../layers/telemetry/Metrics.ts"
import type { StdioServices } from "../../layers/upstream/stdioTransport.ts"
import type { Credentials } from "../../layers/upstream/oauth/Credentials.ts"
import type { SignIns } from "../../layers/upstream/oauth/SignIns.ts"
import type { Status } from "../../layers/upstream/Status.ts"
import { UpstreamError } from "../../layers/upstream/UpstreamError.ts"
import { Catalog } from "../catalog/Catalog.ts"
import { stdioUser } from "../domain/Principal.ts"
import type { SignInSettings } from "./accountOf.ts"
import type { ListStore } from "./ListStore.ts"
import { nothing } from "./lists.ts"
import { observeUpstream } from "./observeUpstream.ts"
import type { ServedUpstream, UpstreamSettings } from "./ServedUpstream.ts"
import { serveUpstream } from "./serveUpstream.ts"
import { monotonicMillis } from "../../layers/platform/monotonic.ts"

export interface PerUserSettings extends Omit<
  UpstreamSettings,
  "eager" | "onUse" | "signIn" | "store" | "visibleTo"
> {
  /** Keeps the lists of each principal for its next connection. */
  readonly store?: ListStore["Service"] | undefined
  /** For the principal with this key. */
  readonly signInOf: (principal: string) => SignInSettings
  /** Closes the connection of a principal that is unused for this long. */
  readonly idleTimeout: Duration.Duration
}

/** The connection of one principal. */
interface Opened {
  served: ServedUpstream | undefined
  lastUse: number
  /** The server was reached, or could not be reached in time. */
  readonly first: Deferred.Deferred<void>
  /** It is unused: `closed` asks it to end, and `ended` follows when its entries have left the catalog. */
  closing: boolean
  readonly closed: Deferred.Deferred<void>
  readonly ended: Deferred.Deferred<void>
}

/** Maximum time that lists of a principal wait for the first lists of the server. */
const firstAnswer = "5 seconds"

/** How often unused connections are looked for, as a part of the idle time-out. */
const sweepsPerTimeout = 10

export const servePerUser = Effect.fnUntraced(function* ({
  idleTimeout,
  signInOf,
  store,
  ...options
}: PerUserSettings) {
  const { name } = options
  const catalog = yield* Catalog
  const { connections: quota } = yield* Quotas
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const services = yield* Effect.context<Catalog | Credentials | SignIns | StdioServices>()
  const since = yield* Clock.currentTimeMillis
  const opened = new Map<string, Opened>()
  /** Of closed connections. */
  const past = { requests: 0, reconnects: 0 }
  const now = () => monotonicMillis(clock)

  const serve = (key: string, entry: Opened) =>
    Effect.gen(function* () {
      entry.served = yield* serveUpstream({
        ...options,
        eager: false,
        signIn: signInOf(key),
        visibleTo: { principal: key },
        store: store?.ofPrincipal(key),
        onUse: () => {
          entry.lastUse = now()
        }
      })
      const connecting = Effect.ignore(Effect.timeout(entry.served.connection, firstAnswer))
      if (entry.served.known) yield* Effect.forkScoped(connecting)
      else yield* connecting
      entry.lastUse = now()
      yield* Deferred.succeed(entry.first, undefined)
      yield* Deferred.await(entry.closed)
    }).pipe(
      Effect.scoped,
      // Not a copy, merged with the context of the caller that opens the connection.
      Effect.updateContext((_: Context.Context<never>) => services),
      Effect.ensuring(
        Effect.suspend(() => {
          quota.release(key, 1)
          past.requests += entry.served?.upstream.requests() ?? 0
          past.reconnects += entry.served?.upstream.reconnects() ?? 0
          opened.delete(key)
          entry.closing = true
          return Effect.andThen(
            Deferred.succeed(entry.first, undefined),
            Deferred.succeed(entry.ended, undefined)
          )
        })
      )
    )

  /** The connection of the principal, which is opened if there is none; `undefined` if it has too many connections. */
  const open = (key: string): Effect.Effect<Opened["served"]> =>
    Effect.suspend(() => {
      const known = opened.get(key)
      // Its entries leave the catalog first, which would otherwise refuse those of the next connection.
      if (known?.closing) return Effect.andThen(Deferred.await(known.ended), open(key))
      if (known !== undefined) {
        known.lastUse = now()
        return Effect.as(Deferred.await(known.first), known.served)
      }
      if (!quota.take(key, 1)) {
        const warning = `upstream ${name}: a principal has too many connections (quotas.connections)`
        return Effect.as(Effect.logWarning(warning), undefined)
      }
      const entry: Opened = {
        served: undefined,
        lastUse: now(),
        first: Deferred.makeUnsafe(),
        closing: false,
        closed: Deferred.makeUnsafe(),
        ended: Deferred.makeUnsafe()
      }
      opened.set(key, entry)
      return Effect.forkIn(serve(key, entry), scope).pipe(
        Effect.andThen(Deferred.await(entry.first)),
        Effect.map(() => entry.served)
      )
    })

  const sweep = Effect.gen(function* () {
    const timeout = Duration.toMillis(idleTimeout)
    for (;;) {
      yield* Effect.sleep(Math.max(1, timeout / sweepsPerTimeout))
      for (const entry of opened.values()) {
        const { closing, first, lastUse, served } = entry
        // A request still waits for the first lists, or the connection is in use.
        if (closing || !Deferred.isDoneUnsafe(first) || served?.busy() || now() - lastUse < timeout) continue
        entry.closing = true
        yield* Deferred.succeed(entry.closed, undefined)
      }
    }
  })
  yield* Effect.forkScoped(sweep)

  yield* catalog.onDemand(({ key }) => {
    const known = opened.get(key)
    if (known === undefined || known.closing || !Deferred.isDoneUnsafe(known.first))
      return Effect.asVoid(open(key))
    known.lastUse = now()
    return known.served?.updateSoon()
  })

  /** The connections as one server, with the account of the user of this machine for commands. */
  const own = Effect.filterOrFail(
    open(stdioUser.key),
    (served) => served !== undefined,
    () =>
      new UpstreamError({
        server: name,
        stage: "connect",
        detail: "too many connections (quotas.connections)",
        unsent: true
      })
  )
  const upstreams = () =>
    [...opened.values()].flatMap(({ served }) => (served === undefined ? [] : [served.upstream]))
  const sum = (count: "reconnects" | "requests") =>
    upstreams().reduce((total, each) => total + each[count](), past[count])
  /** Connections that fail or are degraded. A principal that must sign in does not count. */
  const failing = () =>
    upstreams().filter(({ now: statusOf }) => {
      const { failure } = statusOf()
      return failure !== undefined && failure.signIn === undefined
    })
  const healthy: Status = { state: "ready", since }
  yield* observeUpstream({
    name,
    ready: () => failing().every(({ degraded }) => degraded()),
    degraded: () => failing().some(({ degraded }) => degraded()),
    requests: () => sum("requests"),
    reconnects: () => sum("reconnects"),
    now: () => {
      const all = failing()
      return (all.find(({ degraded }) => !degraded()) ?? all[0])?.now() ?? healthy
    }
  })
  const metrics = yield* Metrics
  yield* metrics.gauge(
    "manifold_upstream_accounts",
    "Connections of principals with their own account at an upstream server.",
    () => opened.size,
    { upstream: name }
  )

  const mine = () => opened.get(stdioUser.key)?.served
  return {
    summary: Effect.suspend(
      () =>
        mine()?.summary ??
        Effect.succeed({
          name,
          since,
          state: "idle" as const,
          tools: 0,
          prompts: 0,
          resources: 0,
          held: [],
          looped: 0
        })
    ),
    connection: Effect.flatMap(own, ({ connection }) => connection),
    lists: Effect.suspend(() => mine()?.lists ?? Effect.succeed(nothing)),
    /** Number of principals with a connection. */
    open: () => opened.size
  }
})
