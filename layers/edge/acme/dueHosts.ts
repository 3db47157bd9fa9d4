/** Hosts that need a certificate of the CA now. */
import { Clock, Effect } from "effect"
import { Sql } from "../../storage/Sql.ts"
import * as rows from "../certificates/acmeRows.ts"
import { everyHost } from "../certificates/acmeRows.ts"
import { hasCurrent } from "../certificates/certificateRows.ts"
import { CertificateStore } from "../certificates/CertificateStore.ts"
import { choose } from "../certificates/chooseCertificates.ts"
import { servedHosts } from "../certificates/servedHosts.ts"
import { isPublicName } from "./isPublicName.ts"

const isDeferred = (order: rows.OrderRow | undefined, directory: string, now: number) =>
  order !== undefined && order.directory === directory && order.next_at > now

/** Hosts without a certificate of this CA, or whose renewal is due, and whose next attempt is not later. */
export const dueHosts = Effect.fnUntraced(function* (directory: string) {
  const sql = yield* Sql
  const store = yield* CertificateStore
  const names = (yield* servedHosts).filter(isPublicName)
  if (names.length === 0) return []
  const now = yield* Clock.currentTimeMillis
  const chosen = choose(names, yield* store.all, now)
  const needed = names.filter((host) => {
    const certificate = chosen.get(host)
    if (certificate === undefined || certificate.source === "local_ca") return true
    if (certificate.source === "uploaded") return false
    return certificate.created_by !== directory || (certificate.renew_at ?? Infinity) <= now
  })
  if (needed.length === 0) return []
  const orders = new Map((yield* sql.read(rows.listOrders)).map((order) => [order.host, order]))
  if (isDeferred(orders.get(everyHost), directory, now)) return []
  return needed.filter((host) => !isDeferred(orders.get(host), directory, now))
})

/** Whether a host that was due still is: another instance may have issued its certificate, or failed, in the meantime. */
export const isStillDue = Effect.fnUntraced(function* (host: string, directory: string) {
  const { read } = yield* Sql
  const now = yield* Clock.currentTimeMillis
  return yield* read((sql) =>
    Effect.gen(function* () {
      const order = yield* rows.findOrder(sql, host)
      return !isDeferred(order, directory, now) && !(yield* hasCurrent(sql, host, directory, now))
    })
  )
})
