/** Certificates of the HTTPS listener: one for each host, kept up to date; the local CA issues what is missing. */
import { Clock, Context, Duration, Effect, Layer, PubSub, Queue, Stream } from "effect"
import type { CertificateSet } from "../../http/ListenerOptions.ts"
import { ConfigSource } from "../../config/ConfigSource.ts"
import { Sql } from "../../storage/Sql.ts"
import { Domains } from "../Domains.ts"
import { section } from "../section.ts"
import { everyHost, listOrders, type OrderRow } from "./acmeRows.ts"
import * as rows from "./certificateRows.ts"
import { CertificateStore, itself, type StoredCertificate } from "./CertificateStore.ts"
import { choose } from "./chooseCertificates.ts"
import { LocalCa } from "./LocalCa.ts"
import { fallbackHost, fallbackNames, servedHosts } from "./servedHosts.ts"

/** Interval at which changes of other instances are noticed. */
const interval = "1 second"
/** Changes within this time are one. */
const settling = "100 millis"
/** After a failure. */
const retryDelay = "5 seconds"
/** Certificates that the local CA issues in one transaction. */
const batch = 50
/** Certificates that are issued before those that exist are served: further ones follow at once. */
const mostIssued = 500
/** Hosts that a log line names. */
const mostNamed = 10

/** Names of the certificate that the local CA issues for a host. */
const namesFor = (host: string): ReadonlyArray<string> => (host === fallbackHost ? fallbackNames : [host])

interface Snapshot {
  readonly chosen: ReadonlyMap<string, StoredCertificate>
  readonly set: CertificateSet
  /** Identifies the set. */
  readonly key: string
  /** When a certificate of the set expires or is due for renewal, in milliseconds since the epoch. */
  readonly dueAt: number
}

const isDue = (certificate: StoredCertificate | undefined, now: number) =>
  certificate === undefined ||
  (certificate.source === "local_ca" && (certificate.renew_at ?? Infinity) <= now)

const dueAtOf = ({ not_after, renew_at, source }: StoredCertificate) =>
  source === "local_ca" ? (renew_at ?? not_after) : not_after

const snapshotOf = (chosen: ReadonlyMap<string, StoredCertificate>): Snapshot | undefined => {
  const fallback = chosen.get(fallbackHost)
  if (fallback === undefined) return undefined
  const named = [...chosen].flatMap(([serverName, { chain: cert, key }]) =>
    serverName === fallbackHost ? [] : [{ serverName, cert, key }]
  )
  return {
    chosen,
    set: { fallback: { cert: fallback.chain, key: fallback.key }, named },
    key: [...chosen].map(([host, { id }]) => `${host} ${id}`).join("\n"),
    dueAt: Math.min(...[...chosen.values()].map(dueAtOf))
  }
}

export class ServedCertificates extends Context.Service<
  ServedCertificates,
  {
    readonly current: () => CertificateSet
    /** The certificate of each host. */
    readonly chosen: () => ReadonlyMap<string, StoredCertificate>
    /** Orders at a public CA whose last attempt failed, of hosts that are served. */
    readonly failing: () => ReadonlyArray<OrderRow>
    /** The set now, and after each change. Changes that a slow reader missed are one. */
    readonly changes: Stream.Stream<CertificateSet>
  }
>()("manifold/edge/ServedCertificates") {
  /** Issues missing certificates before it is ready. */
  static readonly layer = Layer.effect(
    ServedCertificates,
    Effect.gen(function* () {
      const config = yield* ConfigSource
      const domains = yield* Domains
      const hostsNow = Effect.provideService(servedHosts, Domains, domains)
      const store = yield* CertificateStore
      const localCa = yield* LocalCa
      const sql = yield* Sql
      const due = yield* Queue.sliding<void>(1)
      let { certificates: settings } = yield* config.read(section)
      yield* config.follow(section, ({ certificates }) =>
        Effect.suspend(() => {
          settings = certificates
          return Queue.offer(due, undefined)
        })
      )

      /** Another instance may have issued some of them in the meantime. */
      const issue = Effect.fnUntraced(function* (hosts: ReadonlyArray<string>, now: number) {
        const lifetime = Duration.toMillis(settings.local_ca.lifetime)
        for (let start = 0; start < hosts.length; start += batch) {
          const lists = hosts.slice(start, start + batch).map(namesFor)
          const issued = yield* localCa.issue(lists, lifetime)
          const hashes = issued.map(({ info }) => rows.hashOf(info.names))
          yield* store.add(issued, itself, (client) =>
            Effect.map(
              Effect.orDie(rows.findCurrent(client, "local_ca", hashes, now)),
              (present) =>
                ({ info }) =>
                  !present.has(rows.hashOf(info.names))
            )
          )
        }
      })

      let reported = 0
      const limited = Effect.fnUntraced(function* (hosts: ReadonlyArray<string>) {
        const { max_hosts: most } = settings
        const beyond = hosts.slice(most)
        if (beyond.length > reported) {
          yield* Effect.logError(
            `${beyond.length} hosts have no certificate: edge.certificates.max_hosts is ${most}`
          ).pipe(Effect.annotateLogs({ hosts: beyond.slice(0, mostNamed) }))
        }
        reported = beyond.length
        return [fallbackHost, ...hosts.slice(0, most)]
      })

      const snapshot = Effect.gen(function* () {
        const hosts = yield* limited(yield* hostsNow)
        const now = yield* Clock.currentTimeMillis
        const known = choose(hosts, yield* store.all, now)
        const missing = hosts.filter((host) => isDue(known.get(host), now))
        if (missing.length === 0) return snapshotOf(known)
        yield* issue(missing.slice(0, mostIssued), now)
        if (missing.length > mostIssued) yield* Queue.offer(due, undefined)
        return snapshotOf(choose(hosts, yield* store.all, now))
      })

      const first = yield* snapshot
      if (first === undefined) return yield* Effect.die(new Error("the local CA issued no certificate"))
      let current: Snapshot = first
      // The first step reads the orders.
      let revision = -1
      let failing: ReadonlyArray<OrderRow> = []
      const changed = yield* PubSub.sliding<CertificateSet>(1)

      const refresh = Effect.gen(function* () {
        yield* store.prune
        const before = yield* store.revision
        failing = (yield* sql.read(listOrders)).filter(({ attempts }) => attempts > 0)
        const next = yield* snapshot
        revision = before
        if (next === undefined) return
        if (next.key === current.key) return
        current = next
        yield* PubSub.publish(changed, next.set)
      })

      const isNeeded = Effect.gen(function* () {
        const now = yield* Clock.currentTimeMillis
        return now >= current.dueAt || (yield* store.revision) !== revision
      })
      const step = Effect.gen(function* () {
        const triggered = yield* Effect.as(Queue.take(due), true).pipe(
          Effect.timeoutOrElse({ duration: interval, orElse: () => Effect.succeed(false) })
        )
        if (triggered) yield* Effect.sleep(settling)
        if (triggered || (yield* isNeeded)) yield* refresh
      }).pipe(
        Effect.catch((error) =>
          Effect.logError(`certificates are not updated: ${error.message}`).pipe(
            Effect.andThen(Effect.sleep(retryDelay)),
            Effect.andThen(Queue.offer(due, undefined))
          )
        )
      )
      yield* Effect.forkScoped(Stream.runForEach(domains.changes, () => Queue.offer(due, undefined)))
      yield* Effect.forkScoped(Stream.runForEach(store.changes, () => Queue.offer(due, undefined)))
      yield* Effect.forkScoped(Effect.forever(step))

      return ServedCertificates.of({
        current: () => current.set,
        chosen: () => current.chosen,
        failing: () => failing.filter(({ host }) => host === everyHost || current.chosen.has(host)),
        changes: Stream.unwrap(
          // Subscribed before the set is read, so that no change is missed.
          Effect.map(PubSub.subscribe(changed), (subscription) =>
            Stream.concat(
              Stream.suspend(() => Stream.make(current.set)),
              Stream.fromSubscription(subscription)
            )
          )
        )
      })
    })
  )
}
