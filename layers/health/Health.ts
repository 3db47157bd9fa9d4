/** How the program is: asked by the tool `health_check`, the resource `health://ping`, and over HTTP. */
import { Clock, Context, DateTime, Duration, Effect, Fiber, Layer, Schema, type Scope } from "effect"

/** `detail` says what is wrong; it is for people who may know. */
export const HealthCheck = Schema.Struct({
  status: Schema.Literals(["ok", "failing"]),
  detail: Schema.optionalKey(Schema.String)
})
export type HealthCheck = typeof HealthCheck.Type

/**
 * `timestamp` is ISO 8601 in UTC; `uptime_ms` is in milliseconds since the program started. `unhealthy`: a
 * part is failing. `degraded`: one that only some calls need is. `draining`: the program was told to stop, and finishes what runs.
 */
export const HealthReport = Schema.Struct({
  status: Schema.Literals(["healthy", "degraded", "unhealthy", "draining"]),
  timestamp: Schema.String,
  version: Schema.String,
  uptime_ms: Schema.Finite,
  parts: Schema.Record(Schema.String, HealthCheck)
})
export type HealthReport = typeof HealthReport.Type

/** A part that needs longer counts as failing. */
const patience = Duration.seconds(1)
/** What was found holds for so many milliseconds, so that asking often costs little. */
const holds = 1000

const ok: HealthCheck = { status: "ok" }

const toDetail = (error: unknown): string => (error instanceof Error ? error.message : "it cannot be used")

const look = (check: Effect.Effect<unknown, unknown>): Effect.Effect<HealthCheck> =>
  check.pipe(
    Effect.matchCause({
      onSuccess: () => ok,
      onFailure: (cause): HealthCheck => {
        const [reason] = cause.reasons
        return { status: "failing", detail: toDetail(reason?._tag === "Fail" ? reason.error : undefined) }
      }
    }),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.succeed<HealthCheck>({
          status: "failing",
          detail: `no answer within ${Duration.format(patience)}`
        })
    })
  )

export class Health extends Context.Service<
  Health,
  {
    readonly check: Effect.Effect<HealthReport>
    /**
     * Asks about a part as well while the scope is open. The check fails when the part cannot be used. `optional`: without
     * the part most calls are served, so that load balancers should not take this instance out.
     */
    readonly add: (
      name: string,
      check: Effect.Effect<unknown, unknown>,
      options?: { readonly optional: boolean }
    ) => Effect.Effect<void, never, Scope.Scope>
    /** From now on the program is not ready, however its parts are. */
    readonly drain: Effect.Effect<void>
  }
>()("manifold/health/Health") {
  static readonly layer = (version: string) =>
    Layer.effect(
      Health,
      Effect.gen(function* () {
        const started = yield* Clock.currentTimeMillis
        const scope = yield* Effect.scope
        const checks = new Map<string, Effect.Effect<unknown, unknown>>()
        const optional = new Set<string>()
        let draining = false
        let found: { readonly at: number; readonly parts: HealthReport["parts"] } | undefined
        let looking: Fiber.Fiber<HealthReport["parts"]> | undefined

        const lookAround = Effect.gen(function* () {
          const parts = yield* Effect.forEach(
            checks,
            ([name, check]) => Effect.map(look(check), (part) => [name, part] as const),
            { concurrency: "unbounded" }
          )
          found = { at: yield* Clock.currentTimeMillis, parts: Object.fromEntries(parts) }
          return found.parts
        }).pipe(Effect.ensuring(Effect.sync(() => (looking = undefined))))

        /** In a fiber of its own, so that somebody who leaves does not take the answer from the others. */
        const parts = Effect.gen(function* () {
          if (checks.size === 0) return {}
          const now = yield* Clock.currentTimeMillis
          if (found !== undefined && now - found.at < holds) return found.parts
          looking ??= yield* Effect.forkIn(lookAround, scope)
          return yield* Fiber.join(looking)
        })

        const check = Effect.gen(function* () {
          const each = yield* parts
          const now = yield* DateTime.now
          const failing = Object.keys(each).filter((name) => each[name]?.status === "failing")
          const down = failing.some((name) => !optional.has(name))
          return {
            status: draining ? "draining" : down ? "unhealthy" : failing.length > 0 ? "degraded" : "healthy",
            timestamp: DateTime.formatIso(now),
            version,
            uptime_ms: DateTime.toEpochMillis(now) - started,
            parts: each
          } as const
        })

        return Health.of({
          check,
          add: (name, part, options) =>
            Effect.acquireRelease(
              Effect.sync(() => {
                checks.set(name, part)
                if (options?.optional === true) optional.add(name)
                found = undefined
              }),
              () =>
                Effect.sync(() => {
                  checks.delete(name)
                  optional.delete(name)
                  found = undefined
                })
            ),
          drain: Effect.sync(() => {
            draining = true
          })
        })
      })
    )
}
