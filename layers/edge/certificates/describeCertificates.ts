/** Certificates and ACME orders as administrators see them. */
import { Duration } from "effect"
import { type Certificate, isoOf, type State } from "./Certificate.ts"
import type { StoredCertificate } from "./CertificateStore.ts"
import type { OrderRow } from "./acmeRows.ts"

const day = Duration.toMillis("1 day")
/** An uploaded certificate that expires sooner is reported. */
const soon = 14 * day
/** A renewal that is overdue for longer is reported. */
const overdue = 3 * day

export interface Described {
  readonly certificates: ReadonlyArray<StoredCertificate>
  readonly orders: ReadonlyArray<OrderRow>
  /** The certificate of each host that has one. */
  readonly chosen: ReadonlyMap<string, StoredCertificate>
  readonly now: number
}

export const stateOf = ({ not_after, renew_at }: StoredCertificate, now: number): State => {
  if (not_after <= now) return "expired"
  if (renew_at === null) return not_after < now + soon ? "expiring" : "active"
  return renew_at < now - Math.min(overdue, (not_after - renew_at) / 2) ? "expiring" : "active"
}

const daysUntil = (time: number, now: number) => Math.round(((time - now) / day) * 10) / 10

/** Only certificates in use are renewed. */
const actionOf = (
  { not_after, renew_at, source }: StoredCertificate,
  order: OrderRow | undefined,
  { inUse, now }: { readonly inUse: boolean; readonly now: number }
): Pick<Certificate, "next_action" | "next_action_at"> => {
  if (source === "uploaded") {
    const isLast = not_after < now + soon
    return { next_action: isLast ? "replace" : "none", next_action_at: isLast ? isoOf(not_after) : null }
  }
  if (!inUse || renew_at === null) return { next_action: "none", next_action_at: null }
  if (order !== undefined && order.attempts > 0)
    return { next_action: "retry", next_action_at: isoOf(order.next_at) }
  return { next_action: "renew", next_action_at: isoOf(Math.max(renew_at, now)) }
}

const ofCertificate = (
  certificate: StoredCertificate,
  hosts: ReadonlyArray<string>,
  order: OrderRow | undefined,
  now: number
): Certificate => ({
  id: certificate.id,
  names: certificate.names,
  source: certificate.source,
  issuer: certificate.issuer,
  state: stateOf(certificate, now),
  hosts,
  not_before: isoOf(certificate.not_before),
  expires_at: isoOf(certificate.not_after),
  days_left: daysUntil(certificate.not_after, now),
  fingerprint_sha256: certificate.fingerprint,
  ...actionOf(certificate, order, { inUse: hosts.length > 0, now }),
  last_error: order?.last_error ?? null,
  created_at: isoOf(certificate.created_at),
  created_by: certificate.created_by
})

const ofOrder = ({ attempts, host, last_error, next_at }: OrderRow, now: number): Certificate => ({
  id: null,
  names: [host],
  source: "acme",
  issuer: null,
  state: attempts > 0 ? "failed" : "pending",
  hosts: [],
  not_before: null,
  expires_at: null,
  days_left: null,
  fingerprint_sha256: null,
  next_action: attempts > 0 ? "retry" : "issue",
  next_action_at: isoOf(Math.max(next_at, now)),
  last_error,
  created_at: null,
  created_by: null
})

/** Certificates are listed in the order of this key, by name. */
export const keyOf = ({ id, names }: Certificate): string => `${names[0] ?? ""} ${id ?? ""}`

/** By name; orders of hosts without an ACME certificate are entries as well. */
export const describe = ({ certificates, chosen, now, orders }: Described): ReadonlyArray<Certificate> => {
  const hostsOf = new Map<string, Array<string>>()
  for (const [host, { id }] of chosen) {
    const others = hostsOf.get(id)
    if (others === undefined) hostsOf.set(id, [host])
    else others.push(host)
  }
  const orderOf = new Map(orders.map((order) => [order.host, order]))
  const isRenewed = (certificate: StoredCertificate | undefined) => certificate?.source === "acme"
  const shown = certificates.map((certificate) => {
    const [host = ""] = certificate.names
    const order = certificate.source === "acme" ? orderOf.get(host) : undefined
    return ofCertificate(certificate, hostsOf.get(certificate.id) ?? [], order, now)
  })
  const pending = orders.filter(({ host }) => !isRenewed(chosen.get(host)))
  return [...shown, ...pending.map((order) => ofOrder(order, now))].toSorted((a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)]
    return one < other ? -1 : one > other ? 1 : 0
  })
}
