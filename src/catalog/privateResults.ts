/** Keeps cached results of private tools private: two principals may each have their own tool of the same name. */
import type { Policy } from "../domain/Policy.ts"
import { ownerKey, type Audience } from "./Audience.ts"

const restricted = new WeakMap<Policy, Policy>()

/** The policy to run a tool with. Guard caches by tool name, so results of a private tool are shared with nobody. */
export const privateResults = (audience: Audience, policy: Policy): Policy => {
  const { cache } = policy
  if (cache === undefined || cache.among === "principal" || ownerKey(audience) === undefined) return policy
  let own = restricted.get(policy)
  // Guard keeps what it derives from a policy by the policy's identity.
  if (own === undefined)
    restricted.set(policy, (own = { ...policy, cache: { ...cache, among: "principal" } }))
  return own
}
