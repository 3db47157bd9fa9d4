/** Audience of a catalog entry: the principals for whom the entry exists. */
import type { Principal, Scope } from "../domain/Principal.ts"

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
}

export const canSee = ({ audience, scopes }: Visibility, principal: Principal): boolean =>
  includes(audience, principal) && principal.mayReach(scopes)

/** Whether a principal can see any of them. Deduplicates them first, because a batch may have thousands of entries. */
export const canSeeAny = (visibilities: Iterable<Visibility>): ((principal: Principal) => boolean) => {
  const distinct = new Map<string, Visibility>()
  for (const visibility of visibilities) {
    distinct.set(JSON.stringify([visibility.audience, visibility.scopes]), visibility)
  }
  const all = [...distinct.values()]
  return (principal) => all.some((visibility) => canSee(visibility, principal))
}
