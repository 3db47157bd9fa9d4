/** Watches the grants of open streams and sockets: reports within a second that one changed, expired or was revoked. */
import { Clock, Duration, Effect, Schedule } from "effect"
import type { Ended, Grant } from "./Grant.ts"

/** Both are called at most once a second, and must neither throw nor wait. */
export interface GrantListener {
  /** The credential now grants something else, such as other scopes. */
  readonly changed?: (grant: Grant) => void
  readonly ended: (why: Ended) => void
}

/** What a credential grants now: one entry for each grant asked about, `undefined` where it was revoked or removed. */
export type Recheck = (grants: ReadonlyArray<Grant>) => Effect.Effect<ReadonlyArray<Grant | undefined>>

interface Watched {
  grant: Grant
  readonly listeners: Set<GrantListener>
}

const interval = Duration.seconds(1)

/** Runs for as long as the scope is open. Credentials are compared once, however many connections present them. */
export const make = Effect.fnUntraced(function* (recheck: Recheck) {
  const clock = yield* Clock.Clock
  const watched = new Map<string, Watched>()

  const end = (each: Watched, why: Ended) => {
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
      // The same credential for another identity: whoever opened the connection no longer holds it.
      if (grant === undefined || grant.principal.key !== each.grant.principal.key) end(each, "revoked")
      else if (grant !== each.grant) {
        each.grant = grant
        for (const listener of each.listeners) listener.changed?.(grant)
      }
    }
  })
  // A store that cannot be reached now is asked again in a second.
  const tick = Effect.catchCause(check, (cause) =>
    Effect.logWarning("credentials could not be checked", cause)
  )
  yield* Effect.forkScoped(Effect.repeat(tick, Schedule.spaced(interval)))

  /** Registers the listener until the returned function is called. */
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
