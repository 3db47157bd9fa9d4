/** Watches the grants of open streams and sockets: notifies within a second of a change, expiry or revocation. */
import { Clock, Duration, Effect, Schedule } from "effect"
import type { Ended, Grant } from "./Grant.ts"

/** Both functions are called at most twice a second, and must neither throw nor wait. */
export interface GrantListener {
  /** The grant of the credential has changed, such as its scopes. */
  readonly changed?: (grant: Grant) => void
  readonly ended: (why: Ended) => void
}

/** Returns the current grant for each given one; `undefined`: revoked or removed. */
export type Recheck = (grants: ReadonlyArray<Grant>) => Effect.Effect<ReadonlyArray<Grant | undefined>>

interface Watched {
  grant: Grant
  readonly listeners: Set<GrantListener>
}

const interval = Duration.millis(500)

/** Runs while the scope is open. Checks each credential once, however many connections present it. */
export const make = Effect.fnUntraced(function* (recheck: Recheck) {
  const clock = yield* Clock.Clock
  const watched = new Map<string, Watched>()

  const end = (each: Watched, why: Ended) => {
    // Another check has ended it meanwhile.
    if (watched.get(each.grant.credential) !== each) return
    watched.delete(each.grant.credential)
    for (const listener of each.listeners) listener.ended(why)
  }

  const check = Effect.gen(function* () {
    if (watched.size === 0) return
    const now = clock.currentTimeMillisUnsafe()
    for (const each of watched.values()) if (each.grant.expiresAt <= now) end(each, "expired")
    const left = [...watched.values()]
    const current = yield* recheck(left.map(({ grant }) => grant))
    for (const [index, each] of left.entries()) {
      const grant = current[index]
      // The credential now belongs to another identity than the one that opened the connection.
      if (grant === undefined || grant.principal.key !== each.grant.principal.key) end(each, "revoked")
      else if (grant !== each.grant) {
        each.grant = grant
        for (const listener of each.listeners) listener.changed?.(grant)
      }
    }
  })
  // If the store is unreachable, the next check is in half a second.
  const tick = Effect.catchCause(check, (cause) =>
    Effect.logWarning("could not check credentials; retrying in 0.5 s", cause)
  )
  yield* Effect.forkScoped(Effect.repeat(tick, Schedule.spaced(interval)))

  /** Adds the listener. The returned function removes it. */
  const follow = (grant: Grant, listener: GrantListener): (() => void) => {
    let each = watched.get(grant.credential)
    if (each === undefined) watched.set(grant.credential, (each = { grant, listeners: new Set() }))
    const { listeners } = each
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0 && watched.get(grant.credential)?.listeners === listeners) {
        watched.delete(grant.credential)
      }
    }
  }

  return { follow, check: tick }
})
