/** Creates, changes, lists, deletes and restores published applications; each change is in the audit log. */
import { Clock, Effect } from "effect"
import type { SqlClient } from "effect/sql/SqlClient"
import type { Principal } from "../../../src/domain/Principal.ts"
import { Audit } from "../../audit/Audit.ts"
import { actorOf, operator } from "../../audit/AuditEntry.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { canonicalHost } from "../../http/hosts.ts"
import { scopeOf, isAddress } from "../../outbound/addressScope.ts"
import type { DatabaseError } from "../../storage/DatabaseError.ts"
import { Sql } from "../../storage/Sql.ts"
import { ownHosts } from "../ownHosts.ts"
import { section } from "../section.ts"
import {
  ProxiesUnavailable,
  ProxyError,
  type NewProxy,
  type ProxyDeletion,
  type ProxyOptions,
  type ProxyUpdate,
  type Undo,
  type Undone
} from "./Proxy.ts"
import * as rows from "./proxyRows.ts"

/** Who administers applications: a principal with one of its requests, or the operator at the command line. */
export type Administrator =
  { readonly principal: Principal; readonly requestId?: string | undefined } | "operator"

const authorityOf = (by: Administrator) =>
  by === "operator"
    ? { name: "operator", actor: operator, requestId: undefined }
    : { name: by.principal.subject, actor: actorOf(by.principal), requestId: by.requestId }

const refused = (reason: ProxyError["reason"], message: string) =>
  Effect.fail(new ProxyError({ reason, message }))

const minuteOf = (time: string) => `${time.slice(0, 16).replace("T", " ")} UTC`

const optionsOf = (request: NewProxy | ProxyUpdate): ProxyOptions => {
  const { hostname: _, target_url: __, revision: ___, ...options } = { revision: undefined, ...request }
  return options
}

/** The database's errors as administrators see them. */
export const forAdministrators = <A, R>(
  self: Effect.Effect<A, ProxyError | DatabaseError, R>
): Effect.Effect<A, ProxyError | ProxiesUnavailable, R> =>
  Effect.catchTag(self, "DatabaseError", (error) =>
    Effect.gen(function* () {
      yield* Effect.logWarning(`Published applications are unavailable: ${error.message}`)
      const unavailable = new ProxiesUnavailable({
        message: `Published applications are unavailable: ${error.forCallers}.`
      })
      unavailable.detail = error.message
      return yield* unavailable
    })
  )

export const makeProxyAdministration = Effect.gen(function* () {
  const sql = yield* Sql
  const audit = yield* Audit
  const own = yield* ownHosts
  const { max_proxies } = yield* (yield* ConfigSource).read(section)

  /** Records a refused change: what was asked, and why not. */
  const recordRefusal =
    (action: string, by: Administrator, target: string) => (error: ProxyError | ProxiesUnavailable) =>
      Effect.sync(() => {
        if (error._tag === "ProxiesUnavailable") return
        const { actor, requestId } = authorityOf(by)
        const details = { reason: error.reason }
        audit.recordSoon({ actor, requestId, action, target, outcome: "refused", details })
      })

  const checkState = Effect.fnUntraced(function* ({
    hostname,
    target_url
  }: Pick<rows.ProxyState, "hostname" | "target_url">) {
    if (own.isOwn(hostname)) {
      return yield* refused(
        "reserved",
        `hostname: ${hostname} is a name of this service itself. Choose another name.`
      )
    }
    const url = new URL(target_url)
    const name = url.hostname.replace(/^\[|\]$/g, "")
    if (isAddress(name) && scopeOf(name) === "never") {
      return yield* refused(
        "target",
        `target_url: requests to ${name} are never allowed. Use the application's address.`
      )
    }
    if (own.isSelf(url)) {
      return yield* refused(
        "target",
        "target_url: this is the service itself. Use the address of the application."
      )
    }
  })

  const checkRoom = Effect.fnUntraced(function* (client: SqlClient) {
    if ((yield* rows.countProxies(client)) < max_proxies) return
    return yield* refused(
      "too_many",
      `${max_proxies} applications are published. Delete some, or raise edge.max_proxies.`
    )
  })

  /** Writes the change and its row of the audit log. */
  const write = Effect.fnUntraced(function* (
    client: SqlClient,
    action: string,
    by: Administrator,
    change: Omit<rows.Change, "at" | "by">
  ) {
    const at = yield* Clock.currentTimeMillis
    const { actor, name, requestId } = authorityOf(by)
    const revision = yield* rows.writeChange(client, { ...change, at, by: name })
    yield* audit.record(client, {
      actor,
      requestId,
      action,
      target: change.hostname,
      outcome: "succeeded",
      details: {
        revision,
        before: change.before && stated(change.before),
        after: change.after && stated(change.after),
        ...(change.undoes !== undefined && { undoes: change.undoes })
      }
    })
    return revision
  })

  const current = (client: SqlClient, hostname: string) =>
    Effect.flatMap(rows.findProxy(client, hostname), (row) =>
      row === undefined
        ? Effect.die(new Error(`${hostname} was not written`))
        : Effect.succeed(rows.describe(row))
    )

  /** The entry, unless it was changed after the revision. */
  const existing = Effect.fnUntraced(function* (
    client: SqlClient,
    hostname: string,
    revision: number | undefined
  ) {
    const row = yield* rows.findProxy(client, hostname)
    if (row !== undefined && (revision === undefined || row.revision === revision)) return row
    const change = revision === undefined ? undefined : yield* rows.lastChangeOf(client, hostname)
    if (change !== undefined) {
      return yield* refused(
        "conflict",
        `${change.changed_by} has ${row === undefined ? "deleted" : "changed"} ${hostname} since revision ${revision} (now ${change.revision}). List the applications, then decide again.`
      )
    }
    return yield* refused(
      "not_found",
      `No application has the host name ${hostname}. List the applications to see them.`
    )
  })

  const create = Effect.fn("ProxyTable.create")(function* (request: NewProxy, by: Administrator) {
    const hostname = canonicalHost(request.hostname) ?? request.hostname
    const at = yield* Clock.currentTimeMillis
    const after: rows.ProxyState = {
      hostname,
      target_url: request.target_url,
      options: optionsOf(request),
      created_at: at,
      created_by: authorityOf(by).name
    }
    yield* checkState(after)
    return yield* sql.write((client) =>
      Effect.gen(function* () {
        yield* rows.lockProxies(client)
        const found = yield* rows.findProxy(client, hostname)
        if (found !== undefined) {
          const { target_url, updated_at, updated_by } = rows.describe(found)
          return yield* refused(
            "taken",
            `${hostname} is already published: ${updated_by} set it to ${target_url} at ${minuteOf(updated_at)}. Update or delete it.`
          )
        }
        yield* checkRoom(client)
        yield* write(client, "proxy.create", by, { hostname, before: undefined, after })
        return yield* current(client, hostname)
      })
    )
  }, forAdministrators)

  const update = Effect.fn("ProxyTable.update")(function* (request: ProxyUpdate, by: Administrator) {
    const hostname = canonicalHost(request.hostname) ?? request.hostname
    const { target_url } = request
    yield* checkState({ hostname, target_url })
    return yield* sql.write((client) =>
      Effect.gen(function* () {
        yield* rows.lockProxies(client)
        const before = yield* existing(client, hostname, request.revision)
        const after = { ...before, target_url, options: optionsOf(request) }
        yield* write(client, "proxy.update", by, { hostname, before, after })
        return yield* current(client, hostname)
      })
    )
  }, forAdministrators)

  const remove = Effect.fn("ProxyTable.remove")(function* (request: ProxyDeletion, by: Administrator) {
    const hostname = canonicalHost(request.hostname) ?? request.hostname
    return yield* sql.write((client) =>
      Effect.gen(function* () {
        yield* rows.lockProxies(client)
        const before = yield* existing(client, hostname, request.revision)
        yield* write(client, "proxy.delete", by, { hostname, before, after: undefined })
        return rows.describe(before)
      })
    )
  }, forAdministrators)

  const undo = Effect.fn("ProxyTable.undo")(function* ({ revision }: Undo, by: Administrator) {
    return yield* sql.write((client) =>
      Effect.gen(function* () {
        yield* rows.lockProxies(client)
        const change = yield* rows.lastUndoable(client)
        if (change === undefined) return yield* refused("nothing_to_undo", "There is no change to undo.")
        if (revision !== undefined && revision !== change.revision) {
          return yield* refused(
            "conflict",
            `The last change is revision ${change.revision}, of ${change.hostname} by ${change.changed_by}. List the applications, then decide again.`
          )
        }
        const { hostname } = change
        const after = change.before_state ?? undefined
        if (after !== undefined) yield* checkState(after)
        if (after !== undefined && change.after_state === null) yield* checkRoom(client)
        const before = change.after_state ?? undefined
        yield* write(client, "proxy.undo", by, { hostname, before, after, undoes: change.revision })
        const undone: Undone = {
          hostname,
          undone: change.revision,
          proxy: after === undefined ? null : yield* current(client, hostname)
        }
        return undone
      })
    )
  }, forAdministrators)

  /** A page by host name, and the number of all. */
  const list = Effect.fn("ProxyTable.list")(function* ({
    cursor = "",
    limit
  }: {
    readonly cursor?: string | undefined
    readonly limit: number
  }) {
    return yield* sql.read((client) =>
      Effect.gen(function* () {
        const found = yield* rows.listProxies(client, { after: cursor, limit: limit + 1 })
        const shown = found.slice(0, limit)
        const next = found.length > limit ? shown.at(-1)?.hostname : undefined
        return { proxies: shown.map(rows.describe), total: yield* rows.countProxies(client), next }
      })
    )
  }, forAdministrators)

  return {
    create: (request: NewProxy, by: Administrator) =>
      Effect.tapError(create(request, by), recordRefusal("proxy.create", by, request.hostname)),
    update: (request: ProxyUpdate, by: Administrator) =>
      Effect.tapError(update(request, by), recordRefusal("proxy.update", by, request.hostname)),
    remove: (request: ProxyDeletion, by: Administrator) =>
      Effect.tapError(remove(request, by), recordRefusal("proxy.delete", by, request.hostname)),
    undo: (request: Undo, by: Administrator) =>
      Effect.tapError(undo(request, by), recordRefusal("proxy.undo", by, "")),
    list
  }
})
export type ProxyAdministration = Effect.Success<typeof makeProxyAdministration>

/** The state for the audit log: the values of headers may be secrets. */
const stated = ({ options: { set_headers, ...options }, target_url }: rows.ProxyState) => ({
  target_url,
  ...options,
  ...(set_headers !== undefined && { set_headers: Object.keys(set_headers) })
})
