/** Checks the addresses of targets: those of this machine and of private networks pass, cloud metadata and link-local ones never. */
import { Effect, Result } from "effect"
import { isAddress, scopeOf } from "../../outbound/addressScope.ts"
import type { Dns } from "../../platform/Dns.ts"
import type { Application } from "./Application.ts"

/** Milliseconds for which a passed check holds. */
const validFor = 30_000
/** Most cached names. A full cache is cleared. */
const maxNames = 10_000

export type TargetVerdict = "allowed" | "forbidden" | "unresolved"

/**
 * The verdict on the target of an application; a promise only when its name must be resolved. The connection is made by name
 * afterwards: the administrator who names a target trusts its DNS.
 */
export const makeTargetCheck = (dns: Dns["Service"]) => {
  const allowed = new Map<string, number>()
  const running = new Map<string, Promise<TargetVerdict>>()

  const resolve = async (name: string): Promise<TargetVerdict> => {
    const found = await Effect.runPromise(Effect.result(dns.lookup(name)))
    running.delete(name)
    if (Result.isFailure(found)) return "unresolved"
    if (found.success.some((address) => scopeOf(address) === "never")) return "forbidden"
    if (allowed.size >= maxNames) allowed.clear()
    allowed.set(name, performance.now() + validFor)
    return "allowed"
  }

  return ({ name }: Application, now: number): TargetVerdict | Promise<TargetVerdict> => {
    const until = allowed.get(name)
    if (until !== undefined && until > now) return "allowed"
    if (isAddress(name)) {
      if (scopeOf(name) === "never") return "forbidden"
      allowed.set(name, Infinity)
      return "allowed"
    }
    const before = running.get(name)
    if (before !== undefined) return before
    const check = resolve(name)
    running.set(name, check)
    return check
  }
}
