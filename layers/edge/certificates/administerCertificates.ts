/** Lists certificates, and adds and removes uploaded ones; loaded with the first operation. */
import { Clock, Effect } from "effect"
import { Audit } from "../../audit/Audit.ts"
import { actorOf, operator } from "../../audit/AuditEntry.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import * as certificateChain from "../../http/certificateChain.ts"
import { canonicalHost } from "../../http/hosts.ts"
import { Sql } from "../../storage/Sql.ts"
import { ownHosts } from "../ownHosts.ts"
import { ProxyTable } from "../ProxyTable.ts"
import { section } from "../section.ts"
import { everyHost, listOrders, retryOrder } from "./acmeRows.ts"
import {
  type Administrator,
  CertificateError,
  type CertificatePage,
  CertificatesUnavailable,
  type PageRequest,
  type Upload
} from "./Certificate.ts"
import { countOf, find } from "./certificateRows.ts"
import { type Author, CertificateStore, type StoreError } from "./CertificateStore.ts"
import { choose } from "./chooseCertificates.ts"
import { describe, keyOf } from "./describeCertificates.ts"
import { certifiedHosts, fallbackHost } from "./servedHosts.ts"

const authorOf = (by: Administrator): Author =>
  by === "operator"
    ? { name: "operator", actor: operator }
    : { name: by.principal.subject, actor: actorOf(by.principal), requestId: by.requestId }

const unavailable = (error: StoreError) => {
  const why =
    error._tag === "DatabaseError" ? error.forCallers : "their keys cannot be read, the log says what to do"
  const failure = new CertificatesUnavailable({ message: `Certificates are unavailable: ${why}.` })
  failure.detail = error.message
  return Effect.andThen(
    Effect.logWarning(`certificates are unavailable: ${error.message}`),
    Effect.fail(failure)
  )
}

/** Hides paths and addresses from callers. */
const forCallers = <A, R>(self: Effect.Effect<A, StoreError | CertificateError, R>) =>
  Effect.catchIf(self, (error) => error._tag !== "CertificateError", unavailable)

const refused = (reason: CertificateError["reason"], message: string) =>
  Effect.fail(new CertificateError({ reason, message }))

export const makeAdministration = Effect.gen(function* () {
  const sql = yield* Sql
  const audit = yield* Audit
  const store = yield* CertificateStore
  const config = yield* ConfigSource
  const table = yield* ProxyTable
  const { domains } = yield* Effect.orDie(ownHosts)

  /** Those that services on this database serve, also if this program does not. */
  const hosts = Effect.gen(function* () {
    const { certificates: settings } = yield* Effect.orDie(config.read(section))
    const { rows } = yield* table.since(-1)
    return certifiedHosts([...domains, ...rows.map(({ hostname }) => hostname)]).slice(0, settings.max_hosts)
  })

  const described = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const certificates = yield* store.all
    const served = new Set([...(yield* hosts), fallbackHost, everyHost])
    const orders = (yield* sql.read(listOrders)).filter(({ host }) => served.has(host))
    return describe({ certificates, orders, chosen: choose(served, certificates, now), now })
  })

  const add = Effect.fn("Certificates.add")(function* (upload: Upload, by: Administrator) {
    const { certificates: settings } = yield* Effect.orDie(config.read(section))
    const { chain, info } = yield* certificateChain
      .check({ cert: upload.certificate, key: upload.private_key })
      .pipe(Effect.catch(({ message }) => refused("invalid", message)))
    const [id] = yield* store.add(
      [{ source: "uploaded", info, chain, key: upload.private_key, renewAt: null }],
      authorOf(by),
      (client) =>
        Effect.gen(function* () {
          const count = yield* Effect.orDie(countOf(client, "uploaded"))
          if (count >= settings.max_uploaded)
            return yield* refused(
              "too_many",
              `There are ${count} uploaded certificates. Remove some, or raise edge.certificates.max_uploaded.`
            )
          return () => true
        })
    )
    const added = (yield* described).find((each) => each.id === id)
    return added ?? (yield* refused("not_found", "The certificate was removed at the same time."))
  }, forCallers)

  const remove = Effect.fn("Certificates.remove")(function* (id: string, by: Administrator) {
    const unknown = refused(
      "not_found",
      "No uploaded certificate has this id. List the certificates to see them."
    )
    if (!/^[\w-]{1,64}$/.test(id)) return yield* unknown
    const [found] = yield* sql.read((client) => find(client, [id]))
    if (found === undefined) return yield* unknown
    if (found.source !== "uploaded")
      return yield* refused(
        "invalid",
        "Only uploaded certificates can be removed: this one is issued by itself and would be issued again."
      )
    const removed = yield* store.remove(id, authorOf(by))
    return removed === undefined ? yield* unknown : { id, names: removed.names }
  }, forCallers)

  const retry = Effect.fn("Certificates.retry")(function* (hostname: string, by: Administrator) {
    const { actor, requestId } = authorOf(by)
    const now = yield* Clock.currentTimeMillis
    const host = canonicalHost(hostname)
    const found =
      host === undefined
        ? []
        : yield* sql.write((client) =>
            Effect.gen(function* () {
              const orders = yield* retryOrder(client, host, now)
              if (orders.length === 0) return orders
              yield* audit.record(client, {
                actor,
                requestId,
                action: "certificate.retry",
                target: host,
                outcome: "succeeded"
              })
              return orders
            })
          )
    const [failed] = found
    if (failed === undefined)
      return yield* refused(
        "not_found",
        "No attempt to issue a certificate by ACME for this host has failed. List the certificates to see them."
      )
    return { hostname: host ?? hostname, last_error: failed.last_error }
  }, forCallers)

  /** Records a refused change. */
  const recordRefusal =
    (action: string, by: Administrator, target?: string) =>
    (error: CertificateError | CertificatesUnavailable) =>
      Effect.sync(() => {
        if (error._tag === "CertificatesUnavailable") return
        const { actor, requestId } = authorOf(by)
        const details = { reason: error.reason, message: error.message }
        audit.recordSoon({ actor, requestId, action, target, outcome: "refused", details })
      })

  return {
    list: Effect.fn("Certificates.list")(function* ({ cursor, limit }: PageRequest) {
      const all = yield* described
      const rest = cursor === undefined ? all : all.filter((each) => keyOf(each) > cursor)
      const page = rest.slice(0, limit)
      const last = page.at(-1)
      const found: CertificatePage = {
        certificates: page,
        cursor: last !== undefined && rest.length > limit ? keyOf(last) : undefined
      }
      return found
    }, forCallers),
    retry: (hostname: string, by: Administrator) =>
      Effect.tapError(retry(hostname, by), recordRefusal("certificate.retry", by, hostname.slice(0, 253))),
    add: (upload: Upload, by: Administrator) =>
      Effect.tapError(add(upload, by), recordRefusal("certificate.upload", by)),
    remove: (id: string, by: Administrator) =>
      Effect.tapError(remove(id, by), recordRefusal("certificate.remove", by, id.slice(0, 64)))
  }
})
export type Administration = Effect.Success<typeof makeAdministration>
