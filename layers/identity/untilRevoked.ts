/** Waits until a credential is revoked, for work that outlives its connection, such as a turn of a conversation. */
import { Effect } from "effect"
import type { Authenticator } from "./Authenticator.ts"
import type { Grant } from "./Grant.ts"

/** Completes within a second after the revocation of the credential; never at its expiry. */
export const untilRevoked = (
  { follow }: Pick<Authenticator["Service"], "follow">,
  grant: Grant
): Effect.Effect<void> =>
  Effect.callback((resume) => {
    const unfollow = follow(grant, {
      ended: (why) => {
        if (why === "revoked") resume(Effect.void)
      }
    })
    return Effect.sync(unfollow)
  })
