/** Chooses the certificate of each host: uploaded before ACME before the local CA, among valid ones. */
import { covers } from "../../http/certificateChain.ts"
import type { Source } from "./Certificate.ts"
import type { StoredCertificate } from "./CertificateStore.ts"

const preference: Readonly<Record<Source, number>> = { uploaded: 2, acme: 1, local_ca: 0 }

const isValid = (certificate: Pick<StoredCertificate, "not_before" | "not_after">, now: number) =>
  certificate.not_before <= now && certificate.not_after > now

/** The better one first: by source, then the newest. */
const compare = (a: StoredCertificate, b: StoredCertificate) =>
  preference[b.source] - preference[a.source] || b.created_at - a.created_at || (a.id < b.id ? 1 : -1)

/** The valid certificates by name, the best one first. */
const byName = (certificates: ReadonlyArray<StoredCertificate>, now: number) => {
  const found = new Map<string, Array<StoredCertificate>>()
  for (const certificate of certificates) {
    if (!isValid(certificate, now)) continue
    for (const name of certificate.names) {
      const others = found.get(name)
      if (others === undefined) found.set(name, [certificate])
      else others.push(certificate)
    }
  }
  for (const list of found.values()) list.sort(compare)
  return found
}

/** Names that a certificate for the host may have: the host itself, and the wildcard one level above. */
const candidates = (host: string): ReadonlyArray<string> => {
  const dot = host.indexOf(".")
  return dot > 0 && !host.startsWith("*") ? [host, `*${host.slice(dot)}`] : [host]
}

/** The certificate of each host that has a valid one. */
export const choose = (
  hosts: Iterable<string>,
  certificates: ReadonlyArray<StoredCertificate>,
  now: number
): ReadonlyMap<string, StoredCertificate> => {
  const known = byName(certificates, now)
  const chosen = new Map<string, StoredCertificate>()
  for (const host of hosts) {
    const [best] = candidates(host)
      .flatMap((name) => known.get(name)?.[0] ?? [])
      .toSorted(compare)
    if (best !== undefined && covers(best.names, host)) chosen.set(host, best)
  }
  return chosen
}
