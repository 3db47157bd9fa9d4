/** Caching policy of private tools: two principals may each have a tool of the same name. */
import type { Policy } from "../domain/Policy.ts"
import { ownerKey, type Audience } from "./Audience.ts"

const restricted = new WeakMap<Policy, Policy>()

/** The effective policy of a tool. Guard caches by tool name, so results of a private tool are cached per principal. */
export const privateResults = (audience: Audience, policy: Policy): Policy => {
  const { cache } = policy
  if (cache === undefined || cache.among === "principal" || ownerKey(audience) === undefined) return policy
  let own = restricted.get(policy)
  // Guard caches the limits of a policy by its identity.
  if (own === undefined)
    restricted.set(policy, (own = { ...policy, cache: { ...cache, among: "principal" } }))
  return own
}
