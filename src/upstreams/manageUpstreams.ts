/** Serves the configured upstream servers, each in a scope that closes when it is removed or changed. */
import { type Duration, Effect, Equal, Exit, Layer, Scope, Semaphore } from "effect"
import * as childProcess from "../../layers/platform/childProcess.ts"
import { OrphanGuard } from "../../layers/upstream/OrphanGuard.ts"
import type { ServerSettings } from "../../layers/upstream/section.ts"
import type { Lister, ListStore } from "./ListStore.ts"
import { observeUpstream } from "./observeUpstream.ts"
import type { Known } from "./storedText.ts"
import type { SignInSettings } from "./accountOf.ts"
import { servePerUser } from "./servePerUser.ts"
import type { ServedUpstream, UpstreamSettings } from "./ServedUpstream.ts"
import { serveUpstream } from "./serveUpstream.ts"
import { UriOrder } from "./UriOrder.ts"

type Services =
  | Effect.Services<ReturnType<typeof serveUpstream>>
  | Effect.Services<ReturnType<typeof servePerUser>>
  | Effect.Services<ReturnType<typeof observeUpstream>>

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
export type Managed = Pick<ServedUpstream, "connection" | "lists" | "summary"> &
  Partial<Pick<ServedUpstream, "account">>

/** Stored lists that are read at the same time. */
const maxReads = 16

/** Known servers that connect at the same time after a start: all of them would delay the first responses. */
const maxStarts = 4

/** The first `load` returns what was read before. */
const readBefore = (store: Lister, known: Known | undefined): Lister => {
  let isFirst = true
  return {
    ...store,
    load: (server, settings) =>
      Effect.suspend(() => {
        if (!isFirst) return store.load(server, settings)
        isFirst = false
        return Effect.succeed(known)
      })
  }
}

export const manageUpstreams = Effect.gen(function* () {
  const scope = yield* Effect.scope
  const processes = yield* Layer.build(Layer.provideMerge(OrphanGuard.layer, childProcess.layer))
  const opened = new Map<string, Opened>()
  /** In the order of the configuration. */
  let names: ReadonlyArray<string> = []
  const uriOrder = new UriOrder()
  const turn = Semaphore.makeUnsafe(1)
  const starts = Semaphore.makeUnsafe(maxStarts)

  /** `known`: what is stored of the server. */
  const open = Effect.fnUntraced(function* (
    name: string,
    settings: ServerSettings,
    shared: Shared,
    known: Known | undefined
  ) {
    const own = yield* Scope.fork(scope)
    const { idleTimeout, signInOf, store, ...options } = shared
    const one: Effect.Effect<Managed, never, Services> =
      settings.credentials === "per_user"
        ? servePerUser({
            ...options,
            uriOrder,
            name,
            settings,
            idleTimeout,
            store,
            signInOf: (principal) => signInOf(name, settings, principal)
          })
        : serveUpstream({
            ...options,
            uriOrder,
            name,
            settings,
            signIn: signInOf(name, settings),
            starts,
            ...(store !== undefined && { store: readBefore(store, known) })
          }).pipe(Effect.tap((made) => observeUpstream(made.upstream)))
    const served = yield* one.pipe(Effect.provideService(Scope.Scope, own), Effect.provideContext(processes))
    opened.set(name, { settings, scope: own, served })
  })

  const close = Effect.fnUntraced(function* (name: string) {
    const entry = opened.get(name)
    opened.delete(name)
    if (entry !== undefined) yield* Scope.close(entry.scope, Exit.void)
  })

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
          const added = [...wanted].filter(([name]) => !opened.has(name))
          const found = yield* Effect.forEach(
            added,
            ([name, settings]) =>
              settings.credentials === "per_user"
                ? Effect.undefined
                : (shared.store?.load(name, settings) ?? Effect.undefined),
            { concurrency: maxReads }
          )
          // In order: the first entry keeps a name.
          for (const [index, [name, settings]] of added.entries()) {
            yield* open(name, settings, shared, found[index])
          }
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
