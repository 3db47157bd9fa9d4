/** Audience of a catalog entry: the principals for whom the entry exists. */
import type { Principal } from "../domain/Principal.ts"
import type { Scope } from "../domain/scopes.ts"

/** Whether the principal may act for all callers: an administrator, or a user of this machine. */
export const isOperator = (principal: Principal): boolean =>
  principal.source === "anonymous-loopback" || principal.may(["admin"])

/**
 * `operators`: see `isOperator`. `scopes`: principals that have all of these scopes now. `principal`: the principal with this `Principal.key`. An
 * audience only hides entries; the scopes of the entry decide who may call it.
 */
export type Audience =
  "everybody" | "operators" | { readonly scopes: ReadonlyArray<Scope> } | { readonly principal: string }

/** The `Principal.key` of a private audience, else `undefined`. */
export const ownerKey = (audience: Audience): string | undefined =>
  typeof audience === "object" && "principal" in audience ? audience.principal : undefined

export const includes = (audience: Audience, principal: Principal): boolean => {
  if (audience === "everybody") return true
  if (audience === "operators") return isOperator(principal)
  return "principal" in audience ? audience.principal === principal.key : principal.may(audience.scopes)
}

/** An entry is visible to its audience, except to principals that could never obtain its scopes. */
export interface Visibility {
  readonly audience: Audience
  readonly scopes: ReadonlyArray<Scope>
  /** The name of a tool. */
  readonly tool: string | undefined
}

export const canSee = ({ audience, scopes, tool }: Visibility, principal: Principal): boolean =>
  includes(audience, principal) && principal.mayReach(scopes, tool)

/** Whether a principal can see any of them. Groups them first, because a batch may have thousands of entries. */
export const canSeeAny = (visibilities: Iterable<Visibility>): ((principal: Principal) => boolean) => {
  const groups = Map.groupBy(visibilities, ({ audience, scopes }) => JSON.stringify([audience, scopes]))
  const all = [...groups.values()]
  return (principal) =>
    all.some(([first, ...others]) => {
      if (first === undefined || !includes(first.audience, principal)) return false
      return canSee(first, principal) || others.some(({ scopes, tool }) => principal.mayReach(scopes, tool))
    })
}
