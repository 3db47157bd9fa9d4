/** Table of published applications: administered at run time, and followed by every instance. */
import { Context, Effect, Layer, type Scope, Semaphore } from "effect"
import type { Audit } from "../audit/Audit.ts"
import type { ConfigSource } from "../config/ConfigSource.ts"
import { Sql } from "../storage/Sql.ts"
import type { DatabaseError } from "../storage/DatabaseError.ts"
import type { Administrator, ProxyAdministration } from "./proxies/administerProxies.ts"
import type {
  NewProxy,
  ProxiesUnavailable,
  Proxy,
  ProxyDeletion,
  ProxyError,
  ProxyUpdate,
  Undo,
  Undone
} from "./proxies/Proxy.ts"
import type { ProxyChanges } from "./proxies/ProxyChanges.ts"

type Failure = ProxyError | ProxiesUnavailable

export interface ProxyPage {
  readonly proxies: ReadonlyArray<Proxy>
  readonly total: number
  /** The cursor of the next page. */
  readonly next: string | undefined
}

export class ProxyTable extends Context.Service<
  ProxyTable,
  {
    /** Fails with `taken`, `too_many`, `reserved` or `target`. */
    readonly create: (request: NewProxy, by: Administrator) => Effect.Effect<Proxy, Failure>
    /** Replaces target and options. Fails with `not_found`, `reserved`, `target`, or `conflict` for another revision. */
    readonly update: (request: ProxyUpdate, by: Administrator) => Effect.Effect<Proxy, Failure>
    /** Returns the deleted entry. */
    readonly remove: (request: ProxyDeletion, by: Administrator) => Effect.Effect<Proxy, Failure>
    /** Reverts the last change that was not undone yet. */
    readonly undo: (request: Undo, by: Administrator) => Effect.Effect<Undone, Failure>
    /** A page by host name, of at most `limit` entries after `cursor`. */
    readonly list: (page: {
      readonly cursor?: string | undefined
      readonly limit: number
    }) => Effect.Effect<ProxyPage, Failure>
    /** The changes after a revision; -1: all entries. */
    readonly since: (revision: number) => Effect.Effect<ProxyChanges, DatabaseError>
    /** Runs after each change by this instance, before the change returns, while the scope is open. */
    readonly onChange: (listener: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
  }
>()("manifold/edge/ProxyTable") {
  /** Opens the database, and loads the code of administration, with the first use. */
  static readonly layer = Layer.effect(
    ProxyTable,
    Effect.gen(function* () {
      const sql = yield* Sql
      const services = yield* Effect.context<Audit | ConfigSource | Sql>()
      const loading = yield* Semaphore.make(1)
      const listeners = new Set<Effect.Effect<void>>()
      let loaded: ProxyAdministration | undefined
      const load = Effect.flatMap(
        Effect.promise(() => import("./proxies/administerProxies.ts")),
        ({ makeProxyAdministration }) => Effect.orDie(makeProxyAdministration)
      )
      const operations = loading.withPermit(
        Effect.suspend(() =>
          loaded === undefined
            ? Effect.tap(load, (made) => Effect.sync(() => (loaded = made)))
            : Effect.succeed(loaded)
        )
      )
      const use = <A, E>(run: (made: ProxyAdministration) => Effect.Effect<A, E>) =>
        Effect.provideContext(Effect.flatMap(operations, run), services)
      const changing = <A, E>(run: (made: ProxyAdministration) => Effect.Effect<A, E>) =>
        Effect.tap(use(run), () => Effect.forEach(listeners, (listener) => listener, { discard: true }))
      const statements = Effect.promise(() => import("./proxies/followChanges.ts"))

      return ProxyTable.of({
        create: (request, by) => changing(({ create }) => create(request, by)),
        update: (request, by) => changing(({ update }) => update(request, by)),
        remove: (request, by) => changing(({ remove }) => remove(request, by)),
        undo: (request, by) => changing(({ undo }) => undo(request, by)),
        list: (page) => use(({ list }) => list(page)),
        since: (revision) =>
          Effect.flatMap(statements, ({ changesSince }) =>
            sql.read((client) => changesSince(client, revision))
          ),
        onChange: (listener) =>
          Effect.asVoid(
            Effect.acquireRelease(
              Effect.sync(() => listeners.add(listener)),
              () => Effect.sync(() => listeners.delete(listener))
            )
          )
      })
    })
  )
}
