/** Leases in the database: of all instances, one at a time has a lease. */
import { Clock, Duration, Effect, Schedule } from "effect"
import { Ids } from "../../platform/Ids.ts"
import { Sql } from "../../storage/Sql.ts"

/** An instance that ends without a release keeps the lease for this long. */
const duration = Duration.seconds(60)
const renewals = Duration.seconds(15)

/** The owner is this scope of the process. */
export const make = Effect.fnUntraced(function* (name: string) {
  const sql = yield* Sql
  const owner = yield* (yield* Ids).next

  const take = Effect.gen(function* () {
    const now = yield* Clock.currentTimeMillis
    const until = now + Duration.toMillis(duration)
    // A later end was written before the clock was set back.
    const latest = until + Duration.toMillis(duration)
    const taken = yield* sql.write(
      (
        client
      ) => client`INSERT INTO edge_leases (name, owner, lease_until) VALUES (${name}, ${owner}, ${until})
        ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, lease_until = excluded.lease_until
          WHERE edge_leases.owner = ${owner} OR edge_leases.lease_until <= ${now} OR edge_leases.lease_until > ${latest}
        RETURNING owner`
    )
    return taken.length > 0
  })

  const release = sql.write(
    (client) => client`DELETE FROM edge_leases WHERE name = ${name} AND owner = ${owner}`
  )

  /** Fails once the lease is lost. */
  const keep = Effect.repeat(
    Effect.filterOrFail(
      take,
      (taken) => taken,
      () => "lost" as const
    ),
    Schedule.spaced(renewals)
  )

  return {
    /** Runs the effect if no other instance has the lease; it is interrupted when the lease is lost. */
    run: <E, R>(effect: Effect.Effect<void, E, R>) =>
      Effect.gen(function* () {
        if (!(yield* take)) return false
        yield* Effect.raceFirst(effect, Effect.ignore(Effect.asVoid(keep))).pipe(
          Effect.ensuring(Effect.ignore(release))
        )
        return true
      })
  }
})
