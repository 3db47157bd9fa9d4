/** Finds and checks the addresses of targets: those of this machine and of private networks pass, cloud metadata and link-local ones never. */
import { Effect, Result } from "effect"
import { isAddress, scopeOf } from "../../outbound/addressScope.ts"
import { makeAddressChoice } from "../../outbound/pinnedAddress.ts"
import type { Dns } from "../../platform/Dns.ts"
import type { Application } from "./Application.ts"

/** Milliseconds for which a checked address is used. */
const validFor = 30_000
/** Most cached targets. A full cache is cleared. */
const maxTargets = 10_000

export type TargetVerdict = { readonly address: string } | "forbidden" | "unresolved"

type Located = Pick<Application, "host" | "name" | "port">

export interface TargetCheck {
  /** The address to connect to; a promise only when the name must be resolved. */
  readonly find: (target: Located, now: number) => TargetVerdict | Promise<TargetVerdict>
  /** For an address that accepts no connection: another one that does, also of a new look-up. */
  readonly replace: (target: Located, address: string) => Promise<string | undefined>
}

export const makeTargetCheck = (dns: Dns["Service"]): TargetCheck => {
  /** By host and port. */
  const allowed = new Map<
    string,
    { readonly verdict: { readonly address: string }; readonly until: number }
  >()
  const running = new Map<string, Promise<TargetVerdict>>()
  const choice = makeAddressChoice()

  const keep = (host: string, address: string, until: number): TargetVerdict => {
    if (allowed.size >= maxTargets) allowed.clear()
    const verdict = { address }
    allowed.set(host, { verdict, until })
    return verdict
  }

  const resolve = async ({ host, name, port }: Located): Promise<TargetVerdict> => {
    const found = await Effect.runPromise(Effect.result(dns.lookup(name)))
    if (Result.isFailure(found)) return "unresolved"
    if (found.success.some((address) => scopeOf(address) === "never")) return "forbidden"
    const address = await choice.choose(name, port, found.success)
    return keep(host, address, performance.now() + validFor)
  }

  const find: TargetCheck["find"] = (target, now) => {
    const { host, name } = target
    const known = allowed.get(host)
    if (known !== undefined && known.until > now) return known.verdict
    if (isAddress(name)) return scopeOf(name) === "never" ? "forbidden" : keep(host, name, Infinity)
    const before = running.get(host)
    if (before !== undefined) return before
    const check = resolve(target).finally(() => running.delete(host))
    running.set(host, check)
    return check
  }

  return {
    find,
    replace: async (target, failed) => {
      const { host, name, port } = target
      if (isAddress(name)) return undefined
      // Another request may have replaced it already.
      if (allowed.get(host)?.verdict.address === failed) {
        allowed.delete(host)
        choice.forget(name, port)
      }
      const verdict = await find(target, performance.now())
      return typeof verdict === "object" && verdict.address !== failed ? verdict.address : undefined
    }
  }
}
